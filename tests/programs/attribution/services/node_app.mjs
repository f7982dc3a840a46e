// A service on Node's `http`. `node node_app.mjs PORT http|fetch`: how it calls, by `http.request`
// through a keep-alive agent, or by the built-in `fetch`. Node before 24 takes no proxy from the
// environment, so the agent calls the egress port and names the real host in `Host`, as behind an
// ambassador, and `fetch`, which lets nobody set that, goes through the dispatcher of the undici
// package, as its manual says. What a request asks for is told in job.py; `helper` calls from an
// event emitter and a timer, the oldest ways there are.
import { EventEmitter } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const [port, way] = process.argv.slice(2);
const { UPSTREAM, EGRESS, AFTER, TIMER, EVERY } = process.env;
const host = new URL(UPSTREAM).host;
const egress = new URL(EGRESS);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const TRIES = 3;

function byAgent(path) {
  return new Promise((resolve, reject) => {
    const options = { agent, host: egress.hostname, port: egress.port, path, headers: { host } };
    const request = http.get(options, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

async function byFetch(path) {
  const response = await fetch(UPSTREAM + path);
  await response.arrayBuffer();
  return response.status;
}

function withFetch() {
  const require = createRequire(new URL("../../node/package.json", import.meta.url));
  const { EnvHttpProxyAgent, setGlobalDispatcher } = require("undici");
  setGlobalDispatcher(new EnvHttpProxyAgent({ proxyTunnel: false }));
  return byFetch;
}

const once = way === "fetch" ? withFetch() : byAgent;

async function get(path) {
  for (let left = TRIES; left > 0; left -= 1) {
    try {
      if ((await once(path)) !== 503) return;
    } catch {
      // Tried again.
    }
  }
}

async function seq(calls) {
  for (const { think, path } of calls) {
    await sleep(think);
    await get(path);
  }
}

const par = (calls) => Promise.all(calls.map((call) => seq([call])));

async function helper(calls) {
  for (const { think, path } of calls) {
    await new Promise((resolve) => {
      const work = new EventEmitter();
      work.once("go", () => setTimeout(() => get(path).then(resolve), think));
      process.nextTick(() => work.emit("go"));
    });
  }
}

// By hand, as many a limiter does it: whoever ends a call begins the next one in the queue.
const waiting = [];
let free = 2;

function next() {
  if (free === 0 || waiting.length === 0) return;
  free -= 1;
  const { call, resolve } = waiting.shift();
  seq([call]).then(() => {
    free += 1;
    resolve();
    next();
  });
}

function queued(call) {
  return new Promise((resolve) => {
    waiting.push({ call, resolve });
    next();
  });
}

const shared = (calls) => Promise.all(calls.map(queued));
const modes = { seq, par, helper, shared };

async function handle(request, response) {
  const url = new URL(request.url, "http://service");
  const number = url.pathname.split("/")[2];
  const mode = url.searchParams.get("mode");
  const thinks = url.searchParams.get("think").split(",").map(Number);
  const rest = thinks.pop();
  const base = mode === "late" ? AFTER : "/call";
  const calls = thinks.map((think, index) => ({ think, path: `${base}/${number}/${index}` }));
  if (mode === "late") {
    await sleep(rest);
    response.end("later\n", () => seq(calls));
    return;
  }
  await modes[mode](calls);
  await sleep(rest);
  response.end("done\n");
}

async function poll() {
  for (let count = 1; ; count += 1) {
    await sleep(Number(EVERY));
    await get(`${TIMER}/${count}`);
  }
}

http.createServer(handle).listen(Number(port), "127.0.0.1");
poll();
