'use strict';
// A service that took Node's functions by `require`, once, at its start:
// carrier_app.cjs HTTP HTTPS HTTP2
const { Agent, createServer, request } = require('http');
const { Agent: SecureAgent, get: secureGet } = require('https');
const { connect } = require('http2');
const { listen, service } = require('./carrier_service.cjs');

let undici;
try {
  undici = require('undici');
} catch {
  // Too new for this Node, or not installed.
}
const [http, https, http2] = process.argv.slice(2);
const parts = { Agent, SecureAgent, connect, request, secureGet, undici };
listen(createServer(), service(parts, { http, https, http2 }));
