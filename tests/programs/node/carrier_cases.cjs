'use strict';
// Servers of every kind, and calls of every form: `GET /SERVER/CASE` sends a request with a trace
// header to that server, which makes the call of that case and answers with the trace headers that
// arrived. `Upgrade` asks for a connection on which each line makes a call.

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const net = require('net');

const XRAY = 'Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1';
const names = ['x-amzn-trace-id', 'traceparent'];
const tls = {
  cert: fs.readFileSync(process.env.TEST_CERT),
  key: fs.readFileSync(process.env.TEST_KEY),
};
const ca = fs.readFileSync(process.env.TEST_CA);
const made = [];

// What arrived, several of a name apart.
function told(raw) {
  const found = {};
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    if (names.includes(name)) found[name] = (found[name] || []).concat(raw[at + 1]);
  }
  return JSON.stringify(found);
}

const origin = http.createServer({ requireHostHeader: false }, (request, response) => {
  request.resume();
  response.end(told(request.rawHeaders));
});
origin.on('connect', (request, socket) =>
  socket.end(`HTTP/1.1 200 OK\r\nx: ${told(request.rawHeaders)}\r\n\r\n`),
);
const origin2 = http2.createServer();
origin2.on('stream', (stream, headers) => {
  stream.respond();
  stream.end(told([].concat(...Object.entries(headers))));
});

function text(stream) {
  return new Promise((resolve, reject) => {
    let all = '';
    stream
      .on('data', (chunk) => (all += chunk))
      .on('end', () => resolve(all))
      .on('error', reject);
  });
}

// A request by `http.request` with these arguments, sent by `send`.
function send(words, finish) {
  return new Promise((resolve, reject) => {
    const call = http.request(...words, (response) => text(response).then(resolve, reject));
    call.on('error', reject);
    if (finish) finish(call);
    else call.end();
  });
}

function authorization(names) {
  return `AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=${names}, Signature=c`;
}

// Work that was asked for inside a request and is done by a timer that was there before.
setInterval(() => {
  for (const work of made.splice(0)) work();
}, 5);
let waiting = [];
setInterval(() => {
  for (const give of waiting.splice(0)) give(http.request(url()));
}, 5);

const url = (path = '/') => `http://127.0.0.1:${origin.address().port}${path}`;
const options = (more) => ({ host: '127.0.0.1', port: origin.address().port, ...more });
const host = () => `127.0.0.1:${origin.address().port}`;
const shared = { host: '127.0.0.1', headers: { 'x-mine': '1' } };
let session;

function stream(headers, ...more) {
  if (!session) {
    session = http2.connect(`http://127.0.0.1:${origin2.address().port}`).on('error', () => {});
  }
  const words = headers === undefined ? [] : [headers, ...more];
  const call = session.request(...words);
  return text(call);
}

const cases = {
  url: () => send([url()]),
  url_object: () => send([new URL(url())]),
  three: () => send([url(), { headers: { a: 'b' } }]),
  options: () => send([options()]),
  get: () => new Promise((resolve) => http.get(url(), (response) => resolve(text(response)))),
  headers: () => send([options({ headers: { a: 'b', c: ['d', 'e'] } })]),
  flat: () => send([options({ headers: ['host', host(), 'a', 'b'] })]),
  pairs: () =>
    send([
      options({
        headers: [
          ['host', host()],
          ['a', 'b'],
        ],
      }),
    ]),
  bare: () => send([options({ setHost: false })]),
  expect: () =>
    send([options({ method: 'POST', headers: { expect: '100-continue' } })], (call) => {
      call.on('continue', () => call.end('body'));
    }),
  no_agent: () => send([options({ agent: false })]),
  own_connection: () =>
    send([options({ createConnection: () => net.connect(origin.address().port, '127.0.0.1') })]),
  flush: () =>
    send([options({ method: 'POST' })], (call) => {
      call.flushHeaders();
      setTimeout(() => call.end('x'), 5);
    }),
  shared: async () => {
    const answer = await send([{ ...shared, port: origin.address().port }]);
    return Object.keys(shared.headers).length === 1 ? answer : 'the headers were changed';
  },
  ended_elsewhere: () => send([url()], (call) => made.push(() => call.end())),
  made_elsewhere: async () => {
    const call = await new Promise((resolve) => waiting.push(resolve));
    const answer = new Promise((resolve) => call.on('response', (it) => resolve(text(it))));
    call.end();
    return answer;
  },
  after_error: () =>
    new Promise((resolve) => {
      http.get('http://127.0.0.1:1/').on('error', () => resolve(send([url()])));
    }),
  after_timeout: () =>
    new Promise((resolve) => {
      const quiet = net.createServer().listen(0, '127.0.0.1', () => {
        const call = http.get({ port: quiet.address().port, host: '127.0.0.1', timeout: 20 });
        call.on('error', () => {});
        call.on('timeout', () => {
          call.destroy();
          quiet.close();
          resolve(send([url()]));
        });
      });
    }),
  own_xray: () => send([options({ headers: { 'X-AMZN-TRACE-ID': 'own' } })]),
  own_traceparent: () => send([options({ headers: { Traceparent: 'own' } })]),
  own_flat: () => send([options({ headers: ['host', host(), 'X-Amzn-Trace-Id', 'own'] })]),
  own_pairs: () =>
    send([
      options({
        headers: [
          ['host', host()],
          ['traceparent', 'own'],
        ],
      }),
    ]),
  own_later: () =>
    send([url()], (call) => {
      call.setHeader('traceparent', 'own');
      call.end();
    }),
  signed_with: () =>
    send([options({ headers: { authorization: authorization('host;x-amzn-trace-id') } })]),
  signed_without: () =>
    send([options({ headers: { authorization: authorization('host;x-amz-date') } })]),
  signed_url: () => send([url('/?X-Amz-SignedHeaders=host%3Bx-amzn-trace-id&a=b')]),
  tunnel: () =>
    new Promise((resolve) => {
      const call = http.request(options({ method: 'CONNECT', path: 'a:1' }));
      call.on('connect', (response) => resolve(response.headers.x));
      call.end();
    }),
  fetch: () => fetch(url()).then((it) => it.text()),
  fetch_own: () => fetch(url(), { headers: { traceparent: 'own' } }).then((it) => it.text()),
  fetch_object: () => fetch(new Request(url(), { headers: [['a', 'b']] })).then((it) => it.text()),
  fetch_signed_with: () =>
    fetch(url(), { headers: { authorization: authorization('a;traceparent') } }).then((it) =>
      it.text(),
    ),
  http2: () => stream({ ':path': '/' }),
  http2_nothing: () => stream(),
  http2_own: () => stream({ ':path': '/', 'X-Amzn-Trace-Id': 'own' }),
  http2_array: () => stream([':path', '/', 'a', 'b']),
  http2_sensitive: () => stream({ ':path': '/', a: 'b', [http2.sensitiveHeaders]: ['a'] }),
};

function handle(request, response) {
  const work = cases[request.url.split('/')[2]];
  if (!work) return void response.end('no such case');
  Promise.resolve()
    .then(work)
    .then(
      (answer) => response.end(answer),
      (error) => response.end(String(error)),
    );
}

// A server of HTTP/2 streams, without the compatibility layer.
function onStream(stream, headers) {
  if (stream.session.alpnProtocol === 'http/1.1') return;
  const response = { end: (answer) => (stream.respond(), stream.end(answer)) };
  handle({ url: headers[':path'] }, response);
}

const servers = {
  http: http.createServer(handle),
  https: https.createServer(tls, handle),
  http2: http2.createServer(handle),
  http2_tls: http2.createSecureServer({ ...tls, allowHTTP1: true }, handle),
  http2_stream: http2.createServer().on('stream', onStream),
  http2_session: http2.createServer().on('session', (it) => it.on('stream', onStream)),
};

const agent = new http.Agent({ keepAlive: true });

function askHttp1(module, server, path, headers, more) {
  return new Promise((resolve, reject) => {
    const given = { host: '127.0.0.1', port: server.address().port, path, headers, ...more };
    module.get(given, (response) => resolve(text(response))).on('error', reject);
  });
}

async function askHttp2(server, path, headers) {
  const secure = server === servers.http2_tls;
  const at = `${secure ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  const client = http2.connect(at, { ca, servername: 'localhost' });
  try {
    return await text(client.request({ ':path': path, ...headers }));
  } finally {
    client.close();
  }
}

function ask(name, path, headers) {
  const server = servers[name];
  if (name === 'http') return askHttp1(http, server, path, headers, { agent });
  if (name === 'https')
    return askHttp1(https, server, path, headers, { ca, servername: 'localhost' });
  return askHttp2(server, path, headers);
}

// The front, whose own requests have no trace header. A second request without one follows on the
// same connections; it must find nothing.
const front = http.createServer(async (request, response) => {
  const [, server, name] = request.url.split('/');
  const path = `/case/${name}`;
  try {
    const first = await ask(server, path, { 'x-amzn-trace-id': XRAY });
    const second = await ask(server, path, { 'x-nothing': '' });
    response.end(`[${first}, ${second}]`);
  } catch (error) {
    response.end(JSON.stringify(String(error.stack)));
  }
});

// Calls once before it answers; then for each line, and by a timer, whose results it writes.
front.on('upgrade', async (request, socket, head) => {
  if (head.length) socket.unshift(head);
  socket.on('error', () => {});
  const before = await cases.get();
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: lines\r\nconnection: upgrade\r\n\r\n${before}\n`,
  );
  setTimeout(() => cases.get().then((answer) => socket.write(`timer ${answer}\n`)), 5);
  socket.on('data', () => cases.get().then((answer) => socket.write(`message ${answer}\n`)));
});

const all = [origin, origin2, ...Object.values(servers)];
Promise.all(all.map((it) => new Promise((resolve) => it.listen(0, '127.0.0.1', resolve)))).then(
  () => front.listen(0, '127.0.0.1', () => console.log(`port ${front.address().port}`)),
);
