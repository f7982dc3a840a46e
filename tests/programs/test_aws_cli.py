"""The aws command beside sideray: it is Python too, but in threads and with large files."""

import collections
import hashlib
import os

from support import aws
from support import documents
from support.memory import Peak
from support.programs import run
from support.programs import tool

MIB = 1024 * 1024
#: The command uploads and downloads in parts of 8 MiB.
PARTS = 13


def calls(daemon, count):
    """That many calls of AWS's services, in the order in which they began."""

    def choose(known):
        found = [c.entity for c in documents.calls(known) if c.entity.get("namespace") == "aws"]
        return found if len(found) >= count else None

    found = daemon.wait(choose, f"{count} calls")
    return sorted(found, key=lambda entity: entity["start_time"])


def test_commands_in_a_script(cloud, sideray, daemon):
    """The script is what runs under `sideray exec`; the commands only inherit."""
    script = """
        aws dynamodb create-table --table-name orders --billing-mode PAY_PER_REQUEST \
            --key-schema AttributeName=id,KeyType=HASH \
            --attribute-definitions AttributeName=id,AttributeType=S
        aws dynamodb put-item --table-name orders --item '{"id": {"S": "7"}}'
        aws dynamodb get-item --table-name missing --key '{"id": {"S": "7"}}'
        url=$(aws sqs create-queue --queue-name parcels --query QueueUrl --output text)
        aws sqs send-message --queue-url "$url" --message-body "parcel 7"
        topic=$(aws sns create-topic --name shipped --query TopicArn --output text)
        aws sns publish --topic-arn "$topic" --message "parcel 7"
        aws s3 mb s3://receipts
        aws s3 ls s3://receipts/missing
        echo "told $url $topic"
    """
    path = f"{os.path.dirname(tool('aws'))}:{os.environ['PATH']}"
    sidecar = sideray(
        "http://127.0.0.1:1",
        command=["sh", "-c", script],
        env={**aws.ENVIRONMENT, "PATH": path},
        egress=cloud.egress(),
    )
    told = sidecar.program.wait_line(
        lambda line: line if line.startswith("told ") else None, "what was made", timeout=60
    )
    _, url, topic = told.split()
    assert sidecar.program.wait() == 0, sidecar.program.output()
    known = calls(daemon, 9)
    seen = [(one["name"], one["aws"]["operation"], documents.status(one)) for one in known]
    assert seen == [
        ("dynamodb", "CreateTable", 200),
        ("dynamodb", "PutItem", 200),
        ("dynamodb", "GetItem", 400),
        ("sqs", "CreateQueue", 200),
        ("sqs", "SendMessage", 200),
        ("sns", "CreateTopic", 200),
        ("sns", "Publish", 200),
        ("s3", "CreateBucket", 200),
        ("s3", "ListObjectsV2", 200),
    ]
    assert all(one["aws"]["region"] == "us-east-1" for one in known)
    assert all(one["aws"]["request_id"] for one in known)
    _, put, missing, queue, sent, _, published, bucket, listed = (one["aws"] for one in known)
    assert put["table_name"] == "orders"
    assert missing["table_name"] == "missing"
    assert documents.flags(known[2]) == {"error"}
    assert documents.exception(known[2])["type"] == "ResourceNotFoundException"
    assert documents.exception(known[2])["remote"] is True
    assert (queue["queue_name"], sent["queue_url"]) == ("parcels", url)
    assert published["topic_arn"] == topic
    assert bucket["bucket_name"] == listed["bucket_name"] == "receipts"
    assert listed["prefix"] == "missing"


def test_a_large_file_there_and_back(cloud, sideray, daemon, tmp_path):
    sidecar = sideray(
        "http://127.0.0.1:1", egress=cloud.egress(intercept={"ca_dir": tmp_path / "ca"})
    )
    env = {**aws.ENVIRONMENT, **sidecar.proxies}
    env["AWS_CA_BUNDLE"] = str(tmp_path / "ca" / "bundle.pem")
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(100 * MIB))

    def command(*words):
        done = run(tool("aws"), *words, env=env, timeout=100)
        assert done.returncode == 0, done.stderr

    command("s3", "mb", "s3://archive")
    with Peak(sidecar.program.process.pid) as memory:
        command("s3", "cp", "--only-show-errors", there, "s3://archive/a b/large.bin")
        command("s3", "cp", "--only-show-errors", "s3://archive/a b/large.bin", back)
    assert sha256(back) == sha256(there)

    known = calls(daemon, 4 + 2 * PARTS)
    count = collections.Counter(one["aws"]["operation"] for one in known)
    assert count == {
        "CreateBucket": 1,
        "CreateMultipartUpload": 1,
        "UploadPart": PARTS,
        "CompleteMultipartUpload": 1,
        "HeadObject": 1,
        "GetObject": PARTS,
    }
    for one in known:
        assert (one["name"], documents.flags(one)) == ("s3", set())
        assert one["aws"]["bucket_name"] == "archive"
        assert one["aws"]["operation"] == "CreateBucket" or one["aws"]["key"] == "a b/large.bin"
        assert "?" not in documents.request(one)["url"]
    uploads = [one for one in cloud.front.requests if one.method == "PUT" and one.size > MIB]
    assert len(uploads) == PARTS
    assert memory.growth < 8 * MIB, f"sideray grew by {memory.growth / MIB:.1f} MiB"


def sha256(file):
    """The digest of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
