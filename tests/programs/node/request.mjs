// An unmodified program that calls out with `http.request` and is told of its proxy the old way:
// the proxy as host, the whole URL as path. It keeps the connection alive between the calls.
import http from "node:http";

const [origin] = process.argv.slice(2);
const proxy = new URL(process.env.HTTP_PROXY);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(path) {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      host: proxy.hostname,
      port: proxy.port,
      path: origin + path,
      headers: { host: new URL(origin).host },
    };
    http
      .get(options, (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.on("end", () => resolve(`${response.statusCode} ${body}`));
      })
      .on("error", reject);
  });
}

for (const path of ["/node/request/1", "/node/request/2", "/status/500/node"]) {
  console.log(await call(path));
}
agent.destroy();
