'use strict';
// Another tool that is preloaded: it wraps what such tools wrap, with a context of its own, and
// when TOOL_HEADER is set it gives outgoing requests a traceparent, as OpenTelemetry does.
const { AsyncLocalStorage } = require('async_hooks');
const http = require('http');
const https = require('https');

const storage = new AsyncLocalStorage();
const own = process.env.TOOL_HEADER;

for (const module of [http, https]) {
  const original = module.request;
  module.request = function request(...words) {
    const call = original.apply(this, words);
    if (own) call.setHeader('traceparent', own);
    return call;
  };
  module.get = function get(...words) {
    const call = module.request(...words);
    call.end();
    return call;
  };
}
require('module').syncBuiltinESMExports();
for (const { prototype } of [http.Server, https.Server]) {
  const original = prototype.emit;
  prototype.emit = function emit(event) {
    if (event !== 'request') return original.apply(this, arguments);
    return storage.run({}, () => original.apply(this, arguments));
  };
}
// Held, for Node 18.0 forgets a channel that nobody holds; Node 12 has none.
let channel;
try {
  channel = require('diagnostics_channel').channel('undici:request:create');
} catch {
  channel = { subscribe() {} };
}
channel.subscribe(({ request }) => {
  if (own) request.addHeader('traceparent', own);
});
exports.channel = channel;
