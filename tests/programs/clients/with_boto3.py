"""An unmodified program that calls AWS with boto3, over plain HTTP to an endpoint of its own."""

import sys

import boto3

endpoint = sys.argv[1]
settings = {
    "endpoint_url": endpoint,
    "region_name": "eu-west-1",
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
}

s3 = boto3.client("s3", **settings)
s3.create_bucket(Bucket="receipts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
s3.put_object(Bucket="receipts", Key="large", Body=b"r" * 5_000_000)
print(len(s3.get_object(Bucket="receipts", Key="large")["Body"].read()))
try:
    s3.get_object(Bucket="receipts", Key="missing")
except s3.exceptions.NoSuchKey:
    print("NoSuchKey")

dynamodb = boto3.client("dynamodb", **settings)
dynamodb.create_table(
    TableName="orders",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    BillingMode="PAY_PER_REQUEST",
)
dynamodb.put_item(TableName="orders", Item={"id": {"S": "7"}, "sum": {"N": "42"}})
print(dynamodb.get_item(TableName="orders", Key={"id": {"S": "7"}})["Item"]["sum"]["N"])

sqs = boto3.client("sqs", **settings)
url = sqs.create_queue(QueueName="parcels")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="parcel 7")
print(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
