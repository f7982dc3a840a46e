'use strict';
// For `node --test`: a test that passes, one that fails, one that serves.
const assert = require('assert');
const http = require('http');
const test = require('node:test');

test('passes', () => {});
test('fails', () => assert.strictEqual(1, 2));
test('serves', async () => {
  const server = http.createServer((request, response) => response.end('ok'));
  await new Promise((resolve) => server.listen(0, resolve));
  const headers = { 'x-amzn-trace-id': 'Root=1', connection: 'close' };
  const status = await new Promise((resolve) =>
    http.get({ port: server.address().port, headers }, (answer) =>
      resolve(answer.resume().statusCode),
    ),
  );
  server.close();
  assert.strictEqual(status, 200);
});
