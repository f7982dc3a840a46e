"""An unmodified program that makes presigned URLs with boto3 and uses them with `requests`, which
knows nothing of AWS."""

import boto3
import requests
from botocore.config import Config

# Without it a client for us-east-1 makes URLs of the form that came before AWS4.
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="receipts")
where = {"Bucket": "receipts", "Key": "a b/7.txt"}
with requests.Session() as session:
    put = s3.generate_presigned_url("put_object", Params=where)
    print(session.put(put, data=b"presigned").status_code)
    get = s3.generate_presigned_url("get_object", Params=where)
    print(session.get(get).text)
    missing = s3.generate_presigned_url("get_object", Params={**where, "Key": "missing"})
    print(session.get(missing).status_code)
