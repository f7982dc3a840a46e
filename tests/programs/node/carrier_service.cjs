'use strict';
// What the services of the carrier's tests do, whichever way they came by Node's functions. A
// request to `/CLIENT/ID` reads its body by events, thinks, makes one call, thinks, makes two at
// once, answers, makes one more call after that, and a last one when that is answered:
// `/headers/CLIENT/ID/1` to `5`. Two timers call out on their own: one from the start, one that the
// first request starts.

const fs = require('fs');
const { Writable } = require('stream');

const think = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 12));

exports.service = function service(parts, origins) {
  const agent = new parts.Agent({ keepAlive: true, maxSockets: 8 });
  const ca = process.env.TEST_CA && fs.readFileSync(process.env.TEST_CA);
  const secure = new parts.SecureAgent({ keepAlive: true, ca });
  const { undici } = parts;
  const pool = undici && new undici.Pool(origins.http, { connections: 4 });
  const client = undici && new undici.Client(origins.http);
  let session;
  let turn = 0;

  // Resolves by a callback that is called in the context of the response's last event.
  function read(response, resolve, reject) {
    response.on('error', reject);
    response.on('data', () => {});
    response.on('end', () => resolve());
  }

  const sink = () => new Writable({ write: (chunk, encoding, done) => done() });
  const undiciWays = [
    (path) => undici.request(origins.http + path).then(({ body }) => body.text()),
    (path) => pool.request({ path, method: 'GET' }).then(({ body }) => body.text()),
    (path) => client.request({ path, method: 'GET' }).then(({ body }) => body.text()),
    (path) => undici.fetch(origins.http + path, { dispatcher: pool }).then((it) => it.text()),
    (path) => undici.stream(origins.http + path, { method: 'GET' }, () => sink()),
    (path) =>
      new Promise((resolve, reject) => {
        const options = { method: 'POST' };
        const stream = undici.pipeline(origins.http + path, options, ({ body }) => body);
        stream
          .on('error', reject)
          .on('data', () => {})
          .on('end', resolve);
        stream.end('x');
      }),
  ];

  const clients = {
    agent(path) {
      return new Promise((resolve, reject) => {
        const done = (response) => read(response, resolve, reject);
        const call = parts.request(origins.http + path, { agent }, done);
        call.on('error', reject).end();
      });
    },
    https(path) {
      return new Promise((resolve, reject) => {
        const url = new URL(origins.https + path);
        const done = (response) => read(response, resolve, reject);
        parts.secureGet(url, { agent: secure, ca }, done).on('error', reject);
      });
    },
    fetch(path) {
      return fetch(origins.http + path).then((response) => response.text());
    },
    undici(path) {
      turn += 1;
      return undiciWays[turn % undiciWays.length](path);
    },
    http2(path) {
      if (!session) session = parts.connect(origins.http2);
      return new Promise((resolve, reject) => {
        const call = session.request({ ':path': path });
        call.on('response', () => read(call, resolve, reject));
      });
    },
  };

  const ignore = () => {};
  let count = 0;
  const background = (kind) =>
    setInterval(() => {
      count += 1;
      clients.agent(`/headers/background/${kind}/${count}`).catch(ignore);
      if (typeof fetch === 'function') {
        clients.fetch(`/headers/background/${kind}/fetch/${count}`).catch(ignore);
      }
    }, 30);
  background('load');
  let lazy;

  async function work(call) {
    await think();
    await call(1);
    await think();
    await Promise.all([call(2), call(3)]);
  }

  return function handle(request, response) {
    const [, name, id] = request.url.split('/');
    if (name === 'lazy' && !lazy) lazy = background('lazy');
    const call = (number) => (clients[name] || clients.agent)(`/headers/${name}/${id}/${number}`);
    request.on('data', ignore);
    request.on('end', () => {
      work(call)
        .then(() => {
          response.end('done');
          call(4)
            .then(() => call(5))
            .catch(ignore);
        })
        .catch((error) => {
          response.statusCode = 500;
          response.end(String(error && error.stack));
        });
    });
  };
};

exports.listen = function listen(server, handle) {
  if (handle) server.on('request', handle);
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
};
