// An unmodified program that calls AWS with the SDK for JavaScript and obeys HTTPS_PROXY as programs
// for Node.js have to: by an agent that they hand to each client. It prints a line of JSON for each
// call: what the SDK told it.
import http from "node:http";
import tls from "node:tls";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as kinesis from "@aws-sdk/client-kinesis";
import * as lambda from "@aws-sdk/client-lambda";
import * as s3 from "@aws-sdk/client-s3";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";
import { HttpsProxyAgent } from "https-proxy-agent";

const proxy = new URL(process.env.HTTPS_PROXY);
const httpsAgent = new HttpsProxyAgent(proxy.href, { keepAlive: true });
const requestHandler = new NodeHttpHandler({ httpsAgent });

async function call(client, command) {
  const told = { operation: command.constructor.name.replace(/Command$/, "") };
  let answer = {};
  try {
    answer = await client.send(command);
  } catch (error) {
    answer = { $metadata: error.$metadata ?? {} };
    told.code = error.name;
  }
  const { httpStatusCode, requestId, attempts } = answer.$metadata;
  Object.assign(told, { status: httpStatusCode, request_id: requestId, attempts });
  console.log(JSON.stringify(told));
  return answer;
}

// The agent above knows no HTTP/2, so the tunnel is made by hand.
function tunnel(host) {
  return new Promise((resolve, reject) => {
    const path = `${host}:443`;
    const request = http.request({
      host: proxy.hostname,
      port: proxy.port,
      method: "CONNECT",
      path,
      headers: { host: path },
    });
    request.on("error", reject);
    request.on("connect", (response, socket) => {
      const secure = tls.connect({ socket, servername: host, ALPNProtocols: ["h2"] }, () => {
        if (secure.alpnProtocol === "h2") resolve(secure);
        else reject(new Error(`${host} speaks ${secure.alpnProtocol}`));
      });
      secure.on("error", reject);
    });
    request.end();
  });
}

async function http11() {
  const database = new dynamodb.DynamoDBClient({ requestHandler });
  const Key = { id: { S: "7" } };
  await call(
    database,
    new dynamodb.CreateTableCommand({
      TableName: "orders",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  await call(database, new dynamodb.PutItemCommand({ TableName: "orders", Item: Key }));
  await call(database, new dynamodb.GetItemCommand({ TableName: "orders", Key }));
  await call(
    database,
    new dynamodb.PutItemCommand({
      TableName: "orders",
      Item: Key,
      ConditionExpression: "attribute_not_exists(id)",
    }),
  );
  await call(database, new dynamodb.GetItemCommand({ TableName: "throttled-always", Key }));

  const storage = new s3.S3Client({ requestHandler });
  const Bucket = "receipts";
  await call(storage, new s3.CreateBucketCommand({ Bucket }));
  const Body = "x".repeat(200_000);
  await call(storage, new s3.PutObjectCommand({ Bucket, Key: "a b/é", Body }));
  const got = await call(storage, new s3.GetObjectCommand({ Bucket, Key: "a b/é" }));
  const same = (await got.Body.transformToString()) === Body;
  await call(storage, new s3.GetObjectCommand({ Bucket, Key: "missing" }));
  await call(storage, new s3.HeadObjectCommand({ Bucket, Key: "missing" }));

  const queues = new sqs.SQSClient({ requestHandler });
  const { QueueUrl } = await call(queues, new sqs.CreateQueueCommand({ QueueName: "parcels" }));
  await call(queues, new sqs.SendMessageCommand({ QueueUrl, MessageBody: "parcel 7" }));
  await call(queues, new sqs.ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  const gone = `${QueueUrl}-missing`;
  await call(queues, new sqs.SendMessageCommand({ QueueUrl: gone, MessageBody: "nobody" }));

  const topics = new sns.SNSClient({ requestHandler });
  const { TopicArn } = await call(topics, new sns.CreateTopicCommand({ Name: "shipped" }));
  await call(topics, new sns.PublishCommand({ TopicArn, Message: "parcel 7" }));

  const functions = new lambda.LambdaClient({ requestHandler });
  await call(functions, new lambda.InvokeCommand({ FunctionName: "unhandled", Payload: "{}" }));
  await call(functions, new lambda.InvokeCommand({ FunctionName: "denied", Payload: "{}" }));
  console.log(JSON.stringify({ same, QueueUrl, TopicArn }));
}

async function http2() {
  const hosts = ["kinesis.us-east-1.amazonaws.com", "kinesis.us-east-1.amazonaws.com"];
  const ready = await Promise.all(hosts.map(tunnel));
  const createConnection = () => ready.shift();
  const handler = new NodeHttp2Handler({ nodeHttp2ConnectOptions: { createConnection } });
  const streams = new kinesis.KinesisClient({ requestHandler: handler });
  const StreamName = "clicks";
  await call(streams, new kinesis.CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const Data = new TextEncoder().encode("click");
  await Promise.all(
    [1, 2, 3].map((n) =>
      call(streams, new kinesis.PutRecordCommand({ StreamName, Data, PartitionKey: `${n}` })),
    ),
  );
  await call(streams, new kinesis.ListShardsCommand({ StreamName }));
  await call(streams, new kinesis.ListShardsCommand({ StreamName: "missing" }));
  const { EventStream } = await call(
    streams,
    new kinesis.SubscribeToShardCommand({
      ConsumerARN: "arn:aws:kinesis:us-east-1:123456789012:stream/clicks/consumer/c:1",
      ShardId: "shardId-000000000000",
      StartingPosition: { Type: "LATEST" },
    }),
  );
  const lags = [];
  for await (const event of EventStream) lags.push(event.SubscribeToShardEvent.MillisBehindLatest);
  console.log(JSON.stringify({ lags }));
  streams.destroy();
  for (const socket of ready) socket.destroy();
}

await { http11, http2 }[process.argv[2]]();
httpsAgent.destroy();
