'use strict';
// Prints how everything looks that a carrier may have touched, while a request with a trace header
// is served and makes a call: names, lengths, properties, listeners, what `inspect` prints.
const http = require('http');
const http2 = require('http2');
const net = require('net');
const tls = require('tls');
const { inspect } = require('util');

const shown = (value) => inspect(value, { depth: 0, breakLength: 200 }).replace(/\d+/g, 'N');

function look(label, object) {
  const names = [];
  for (const name in object) names.push(name);
  console.log(label, Object.keys(object).join(), Object.getOwnPropertySymbols(object).length);
  console.log(label, names.sort().join());
  if (object.eventNames) console.log(label, object.eventNames().map(String).sort().join());
}

const methods = [
  [http, 'request'],
  [http, 'get'],
  [http2, 'connect'],
  [net, 'connect'],
  [tls, 'connect'],
  [http.Server.prototype, 'emit'],
  [net.Server.prototype, 'emit'],
  [http.IncomingMessage.prototype, 'emit'],
  [http.ServerResponse.prototype, 'emit'],
  [http.ClientRequest.prototype, 'emit'],
  [http.ClientRequest.prototype, '_storeHeader'],
  [http.Agent.prototype, 'addRequest'],
  [net.Socket.prototype, 'connect'],
  [tls.TLSSocket.prototype, '_wrapHandle'],
];

const server = http.createServer((request, response) => {
  look('request', request);
  look('response', response);
  console.log(shown(request), shown(response), shown(server));
  if (request.url === '/inner') return void response.end('inner');
  const call = http.get({ port: server.address().port, path: '/inner', agent: false }, (answer) => {
    look('answer', answer);
    answer.resume();
    answer.on('end', () => response.end('outer'));
  });
  look('call', call);
  console.log(shown(call).replace('X-Amzn-Trace-Id: Root=N\\r\\n', ''));
});
look('server', server);
server.listen(0, () => {
  const options = {
    port: server.address().port,
    headers: { 'x-amzn-trace-id': 'Root=1' },
    agent: false,
  };
  http.get(options, (answer) => {
    answer.resume();
    answer.on('end', () => {
      for (const [owner, name] of methods) console.log(name, owner[name].name, owner[name].length);
      for (const name of Object.keys(globalThis)) console.log(name);
      console.log(process.listenerCount('exit'), process.eventNames().map(String).join());
      server.close();
    });
  });
});
