// Looks at the certificate that it is shown for HOST:PORT through the proxy: whether it is trusted,
// what was agreed on, and what it says. With a last word of "TLSv1.2" or "TLSv1.3" it speaks that.
import http from "node:http";
import tls from "node:tls";

const [authority, version] = process.argv.slice(2);
const proxy = new URL(process.env.HTTPS_PROXY);
const servername = authority.split(":")[0];

const connect = http.request({
  host: proxy.hostname,
  port: proxy.port,
  method: "CONNECT",
  path: authority,
  headers: { host: authority },
});
connect.on("connect", (response, socket) => {
  const secure = tls.connect({
    socket,
    servername,
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: version,
    maxVersion: version,
  });
  secure.on("secureConnect", () => {
    const shown = secure.getPeerCertificate();
    console.log(JSON.stringify({
      status: response.statusCode,
      trusted: secure.authorized,
      version: secure.getProtocol(),
      alpn: secure.alpnProtocol,
      names: shown.subjectaltname,
    }));
    secure.destroy();
  });
  secure.on("error", (error) => {
    console.log(JSON.stringify({ error: error.code }));
    socket.destroy();
  });
});
connect.end();
