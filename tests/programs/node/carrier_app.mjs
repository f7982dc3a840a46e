// A service of ES modules, with named imports: carrier_app.mjs HTTP HTTPS HTTP2
import { Agent, createServer, request } from "node:http";
import { Agent as SecureAgent, get as secureGet } from "node:https";
import { connect } from "node:http2";
import carried from "./carrier_service.cjs";

import("undici")
  .catch(() => undefined)
  .then((undici) => {
    const [http, https, http2] = process.argv.slice(2);
    const parts = { Agent, SecureAgent, connect, request, secureGet, undici };
    carried.listen(createServer(), carried.service(parts, { http, https, http2 }));
  });
