'use strict';
// An HTTP/2 server that prints the path and the headers of each request as a line of JSON.
const http2 = require('http2');

const server = http2.createServer();
server.on('stream', (stream, headers) => {
  console.log(JSON.stringify({ path: headers[':path'], headers }));
  stream.respond({ ':status': 200 });
  stream.end('hello');
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
