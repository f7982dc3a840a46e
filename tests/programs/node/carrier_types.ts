// A TypeScript program, for Node.js that reads it.
import http, { type Server } from "node:http";

const server: Server = http.createServer();
console.log(typeof server.listen, http.request.length satisfies number);
