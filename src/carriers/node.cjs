'use strict';
// The Node.js carrier: NODE_OPTIONS="--require …/node.cjs". It makes a service forward the trace
// header of the request it is serving, and nothing else: it remembers the inbound
// `X-Amzn-Trace-Id` and `traceparent` in an `AsyncLocalStorage` and puts them on the outgoing
// requests that carry neither. It makes no ids, prints nothing, and SIDERAY_CARRIER=off is all
// there is to configure.
//
// A wrong parent is worse than none. Hence three rules:
// * Each inbound request has a context of its own; a request without the headers has an empty one.
// * A context ends `GRACE` after its answer, or when one of its calls is answered after that: see
//   there and `settled`.
// * A connection belongs to nobody: what happens on a client's socket or session, which others
//   will use as well, happens in no context but that of the call it is about.
//
// It must never harm the service: whatever fails in here is swallowed, and everything it does to
// Node's own modules is wrapping methods of prototypes. No function that a module exports is
// replaced, so it does not matter who took `http.request` when, and `import { request }` needs no
// help. At start-up only `emit` of servers is wrapped, in `net`, which is light; everything else
// waits for the first inbound request that has a trace header (`install`). What never serves,
// such as npm, is therefore left as it was; and whoever adds headers of their own to undici's
// requests has subscribed by then and goes first.
//
// The syntax is kept to what Node 12 reads, which has all that HTTP/1.1 needs.

const XRAY = 'x-amzn-trace-id';
const W3C = 'traceparent';
// Seconds that a context outlives its answer at most. Work that a handler leaves behind, such as a write
// to a log after `res.end()`, starts at once: milliseconds. What still calls after a second is
// rather a timer, a queue's loop or a pool's upkeep that the request was only the first to need,
// and would name that request for ever. The sidecar holds an answered request for possible for
// the same second. A request that is still being answered, however long, keeps its context.
const GRACE = 1;
// Seconds that a handshake (Upgrade, CONNECT) may take before its context ends: see `handshake`.
const HANDSHAKE = 10;
// Longer values are no trace headers, and are not worth repeating on every call.
const LONGEST = 1024;
const MARK = Symbol.for('sideray.carrier');

// As they are now: tests of services replace clocks.
const hrtime = process.hrtime;
const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;

let storage;
let installed = false;
// Inbound and outbound messages and streams → the context they belong to. Weak, and not a
// property of theirs: `console.log(request)` must print what it always did.
const contexts = new WeakMap();
// The functions that were put in place of others.
const ours = new WeakSet();

function clock() {
  const [seconds, nanos] = hrtime();
  return seconds + nanos / 1e9;
}

class Context {
  constructor(headers) {
    this.pairs = [];
    this.add('X-Amzn-Trace-Id', headers[XRAY]);
    this.add(W3C, headers[W3C]);
    this.ends = 0;
    this.late = false;
    this.socket = null;
    this.written = 0;
  }

  add(name, value) {
    if (typeof value === 'string' && value !== '' && value.length <= LONGEST) {
      this.pairs.push([name, value]);
    }
  }

  answered() {
    if (this.late) return;
    this.late = true;
    this.ends = clock() + GRACE;
  }

  // One of its calls has an answer, or failed. If the request is over, so is its context: what
  // follows may be the next job in a queue of somebody's own making, in which whoever ends a call
  // begins the next, whoever asked for that. It would go on in this context for ever.
  settled() {
    if (this.late) this.ends = -1;
  }

  live() {
    if (this.pairs.length === 0) return false;
    if (this.ends !== 0 && clock() > this.ends) return false;
    const socket = this.socket;
    return socket === null || !(socket.destroyed || socket.bytesWritten > this.written);
  }
}

// The context of a request without trace headers, and of connections.
const NONE = new Context({});

function read(headers) {
  return headers && (headers[XRAY] || headers[W3C]) ? new Context(headers) : NONE;
}

function current() {
  return storage.getStore() || NONE;
}

function enter(context, method, self, words) {
  if (storage.getStore() === context) return apply(method, self, words);
  return storage.run(context, apply, method, self, words);
}

// Puts `make(original)` in place of a method, with the look of the original: its name, its
// length, its property's flags.
function wrap(owner, name, make) {
  const original = owner[name];
  if (typeof original !== 'function' || ours.has(original)) return;
  let holder = owner;
  while (holder !== null && !getOwnPropertyDescriptor(holder, name))
    holder = getPrototypeOf(holder);
  const { enumerable } = getOwnPropertyDescriptor(holder, name);
  const method = make(original);
  for (const look of ['name', 'length']) {
    Object.defineProperty(method, look, getOwnPropertyDescriptor(original, look));
  }
  ours.add(method);
  const shape = { value: method, enumerable, writable: true, configurable: true };
  Object.defineProperty(owner, name, shape);
}

function quietly(work, argument) {
  try {
    return work(argument);
  } catch {
    return undefined;
  }
}

// --- Servers ---

// `emit` of `net.Server`, which http's, https' and http2's servers all inherit. Wrapped, because
// the channel `http.server.request.start` can only change the context for whatever the connection
// does next, while this one ends with the handler; and it knows no upgrades and no HTTP/2.
function serverEmit(original) {
  return function emit(event, first, second) {
    let context;
    try {
      context = arriving(event, first, second);
    } catch {
      context = undefined;
    }
    if (context === undefined) return apply(original, this, arguments);
    return enter(context, original, this, arguments);
  };
}

function arriving(event, first, second) {
  switch (event) {
    case 'request':
    case 'checkContinue':
    case 'checkExpectation':
      return request(first, second);
    case 'upgrade':
    case 'connect':
      return handshake(first);
    case 'session':
      if (first.constructor.name === 'ServerHttp2Session') {
        wrap(getPrototypeOf(first), 'emit', sessionEmit);
      }
      return undefined;
    default:
      return undefined;
  }
}

// The context of an inbound message, if anything is to be done. Its events and its response's
// happen in it, too: Node reports the rest of a body in the context of the connection.
function request(message, response) {
  // A request of http2's compatibility layer is already in the context of its stream.
  if (message.httpVersionMajor !== 1) return undefined;
  const context = arrived(message, message.headers);
  if (context && response) contexts.set(response, context);
  return context;
}

function arrived(message, headers) {
  const known = contexts.get(message);
  if (known) return known;
  const context = read(headers);
  if (context !== NONE) install();
  if (!installed) return undefined;
  followModules();
  contexts.set(message, context);
  return context;
}

// Upgrade and CONNECT. The handler has the context, which ends with the first byte of its answer:
// what is said on the connection later is no longer the request. A proxy or a check of a token
// calls before that.
function handshake(message) {
  if (message.httpVersionMajor !== 1) return undefined;
  const known = contexts.has(message);
  const context = arrived(message, message.headers);
  if (context && context !== NONE && !known) {
    context.socket = message.socket;
    context.written = message.socket.bytesWritten;
    context.ends = clock() + HANDSHAKE;
  }
  return context;
}

// An HTTP/2 session on the server's side; its streams reach both the server's listeners and its
// own by this.
function sessionEmit(original) {
  return function emit(event, stream, headers) {
    let context;
    if (event === 'stream') {
      try {
        context = arrived(stream, headers);
        if (context) wrap(getPrototypeOf(stream), 'emit', answerEmit);
      } catch {
        context = undefined;
      }
    }
    if (context === undefined) return apply(original, this, arguments);
    return enter(context, original, this, arguments);
  };
}

// Events of a message or a stream, in its context.
function messageEmit(original) {
  return function emit() {
    const context = contexts.get(this);
    if (context === undefined) return apply(original, this, arguments);
    return enter(context, original, this, arguments);
  };
}

// The same for what tells of the end of an answer.
function answerEmit(original) {
  return function emit(event) {
    const context = contexts.get(this);
    if (context === undefined) return apply(original, this, arguments);
    if (event === 'finish' || event === 'close') context.answered();
    return enter(context, original, this, arguments);
  };
}

// --- http.request ---

// The context of an outgoing request is that in which it was made, whenever its head is written.
function outgoing(message) {
  let context = contexts.get(message);
  if (context === undefined) {
    context = current();
    contexts.set(message, context);
  }
  return context;
}

// An agent that Node before 22.12 asks for a socket while it makes the request.
function agentAddRequest(original) {
  return function addRequest(message) {
    quietly(outgoing, message);
    return apply(original, this, arguments);
  };
}

// Where the head of an outgoing request becomes bytes, which is when its headers are final. There
// is no channel between the last `setHeader` and this.
function storeHeader(original) {
  return function _storeHeader(line, headers) {
    let given = headers;
    try {
      given = headersWithTrace(this, headers);
    } catch {
      given = headers;
    }
    return given === headers ? apply(original, this, arguments) : original.call(this, line, given);
  };
}

function headersWithTrace(message, headers) {
  const context = outgoing(message);
  // A tunnel is a connection.
  if (!context.live() || message.method === 'CONNECT') return headers;
  if (Array.isArray(headers)) {
    const pairs = Array.isArray(headers[0]);
    if (!pairs && headers.length % 2 !== 0) return headers;
    const fields = pairs ? headers : pairsOf(headers);
    if (taken(fields) || signed(message.path, fields)) return headers;
    return headers.concat(pairs ? context.pairs : [].concat(...context.pairs));
  }
  if (message.hasHeader(XRAY) || message.hasHeader(W3C)) return headers;
  if (covers(message.path) || covers(message.getHeader('authorization'))) return headers;
  if (!headers) return objectOf(context.pairs);
  for (const [name, value] of context.pairs) message.setHeader(name, value);
  return headers;
}

// Events of an outgoing request, and of its response, in its context: Node reports errors and
// timeouts in that of the connection.
function clientEmit(original) {
  return function emit(event, response) {
    const context = contexts.get(this);
    if (context === undefined) return apply(original, this, arguments);
    if (event === 'response' && response) contexts.set(response, context);
    if (event === 'response' || event === 'error') context.settled();
    return enter(context, original, this, arguments);
  };
}

// --- Headers ---

function pairsOf(flat) {
  const pairs = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]]);
  return pairs;
}

function pairsOfLines(head) {
  return head.split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

function objectOf(pairs) {
  const headers = Object.create(null);
  for (const [name, value] of pairs) headers[name] = value;
  return headers;
}

function taken(pairs) {
  return pairs.some(([name]) => {
    const lower = String(name).toLowerCase();
    return lower === XRAY || lower === W3C;
  });
}

// Whether AWS Signature Version 4 covers a trace header, which then must stay absent. It says so in
// a header or in a query.
function signed(path, pairs) {
  return (
    covers(path) || pairs.some(([name, value]) => /^authorization$/i.test(name) && covers(value))
  );
}

function covers(signature) {
  return (
    typeof signature === 'string' &&
    signature.includes('SignedHeaders=') &&
    /SignedHeaders=[^,&\s]*(?:x-amzn-trace-id|traceparent)/i.test(signature)
  );
}

// --- fetch and undici ---

// The contexts in which undici's dispatchers were given a handler.
const dispatched = new WeakMap();
let searches = 16;

// `undici:request:create`, by the copy inside Node and by any from npm.
function onUndici({ request }) {
  followModules();
  const context = contextOfDispatch(request);
  if (!context.live() || request.method === 'CONNECT') return;
  contexts.set(request, context);
  const { headers } = request;
  const fields = typeof headers === 'string' ? pairsOfLines(headers) : pairsOf(headers);
  if (taken(fields) || signed(request.path, fields)) return;
  for (const [name, value] of context.pairs) request.addHeader(name, value);
}

// `undici:request:headers` and `undici:request:error`, before the caller knows.
function settles({ request }) {
  const context = contexts.get(request);
  if (context) context.settled();
}

// A pool with all connections busy makes the request when one is free, in the context of who
// freed it (undici before 8). But the handler is that of the caller.
function contextOfDispatch(request) {
  const symbols = Object.getOwnPropertySymbols(request);
  const handler = request[symbols.find((symbol) => symbol.description === 'handler')];
  const context = handler && dispatched.get(handler);
  if (context) {
    dispatched.delete(handler);
    return context;
  }
  if (searches > 0) {
    searches -= 1;
    quietly(findDispatchers);
  }
  if (handler && typeof handler.runInAsyncScope === 'function') {
    return handler.runInAsyncScope(current);
  }
  return current();
}

function dispatch(original) {
  return function dispatch(options, handler) {
    try {
      if (!dispatched.has(handler)) dispatched.set(handler, current());
    } catch {
      // What is no handler is undici's to refuse.
    }
    return apply(original, this, arguments);
  };
}

// undici's classes, without loading it: from its global dispatcher and among the modules loaded.
function findDispatchers() {
  for (const name of ['undici.globalDispatcher.1', 'undici.globalDispatcher.2']) {
    let owner = globalThis[Symbol.for(name)];
    while (owner && owner !== Object.prototype) {
      if (getOwnPropertyDescriptor(owner, 'dispatch')) wrap(owner, 'dispatch', dispatch);
      owner = getPrototypeOf(owner);
    }
  }
  const place = /[\\/]undici[\\/]lib[\\/](?:dispatcher[\\/])?dispatcher-base\.js$/;
  for (const file of Object.keys(require.cache)) {
    if (place.test(file)) wrap(require.cache[file].exports.prototype, 'dispatch', dispatch);
  }
}

// --- http2 ---

// A client's `session.request()`. Its channel, `http2.client.stream.created`, comes when the
// headers can no longer be changed.
function sessionRequest(original) {
  return function request(headers) {
    const context = quietly(current);
    let words = arguments;
    const foreign = quietly(isUndici, this);
    try {
      const given = foreign ? headers : fieldsWithTrace(context, headers);
      if (given !== headers) words = [given, ...Array.prototype.slice.call(arguments, 1)];
    } catch {
      words = arguments;
    }
    const stream = apply(original, this, words);
    if (context && !foreign) {
      quietly(() => {
        contexts.set(stream, context);
        wrap(getPrototypeOf(stream), 'emit', clientEmit);
      });
    }
    return stream;
  };
}

// undici writes queued requests to its sessions in the context of whichever call came last, and
// has had its headers above.
function isUndici(session) {
  return Object.getOwnPropertySymbols(session).some((symbol) => symbol.description === 'client');
}

function fieldsWithTrace(context, headers) {
  if (!context.live()) return headers;
  if (Array.isArray(headers)) {
    if (headers.length % 2 !== 0 || unfit(pairsOf(headers))) return headers;
    return headers.concat(...context.pairs);
  }
  if (headers === null || (headers !== undefined && typeof headers !== 'object')) return headers;
  if (unfit(Object.entries(headers || {}))) return headers;
  return Object.assign(Object.create(null), headers, objectOf(context.pairs));
}

function unfit(fields) {
  if (taken(fields)) return true;
  const field = (wanted) => (fields.find(([name]) => name === wanted) || [])[1];
  return field(':method') === 'CONNECT' || signed(field(':path'), fields);
}

// The class of client sessions is not exported. This makes one, connected to nothing.
function findSessions() {
  const { Duplex } = require('stream');
  const nowhere = () =>
    new Duplex({
      read() {},
      write(chunk, encoding, done) {
        done();
      },
    });
  const options = { createConnection: nowhere };
  const session = storage.run(NONE, require('http2').connect, 'http://localhost', options);
  session.on('error', () => {});
  session.destroy();
  wrap(getPrototypeOf(session), 'request', sessionRequest);
}

// --- Connections ---

// What connects: whatever the connection then reports happens in no context. Without this it
// would be that of the call that opened it, for ever, for all the others that share it.
function outside(original) {
  return function connect() {
    quietly(followModules);
    return enter(NONE, original, this, arguments);
  };
}

function outsideTls(original) {
  return function _wrapHandle() {
    return enter(NONE, original, this, arguments);
  };
}

// --- Installing ---

// Modules that are slow to load are left alone until the service has loaded them itself.
const followed = new Map([
  ['tls', () => wrap(require('tls').TLSSocket.prototype, '_wrapHandle', outsideTls)],
  ['http2', findSessions],
]);
let modules = 0;

function followModules() {
  if (followed.size === 0) return;
  const loaded = process.moduleLoadList;
  if (!loaded || loaded.length === modules) return;
  modules = loaded.length;
  for (const [name, work] of followed) {
    if (!loaded.includes(`NativeModule ${name}`)) continue;
    followed.delete(name);
    quietly(work);
  }
}

// Once, in the first inbound request with a trace header.
function install() {
  if (installed) return;
  installed = true;
  const http = require('http');
  wrap(http.IncomingMessage.prototype, 'emit', messageEmit);
  wrap(http.ServerResponse.prototype, 'emit', answerEmit);
  wrap(http.ClientRequest.prototype, 'emit', clientEmit);
  wrap(http.ClientRequest.prototype, '_storeHeader', storeHeader);
  wrap(require('net').Socket.prototype, 'connect', outside);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) {
    subscribe('http.client.request.created', ({ request }) => outgoing(request));
  } else {
    wrap(http.Agent.prototype, 'addRequest', agentAddRequest);
  }
  subscribe('undici:request:create', onUndici);
  subscribe('undici:request:headers', settles);
  subscribe('undici:request:error', settles);
}

const channels = [];

function subscribe(name, work) {
  quietly(() => {
    const channel = require('diagnostics_channel').channel(name);
    // Node 18 forgets a channel that nobody holds.
    channels.push(channel);
    channel.subscribe((message) => quietly(work, message));
  });
}

// Another tool may have given servers an `emit` of their own, made from that of `EventEmitter`
// before this one was there. Node tells of each request just before it is emitted.
const servers = new WeakSet();

function adopt({ server }) {
  if (servers.has(server)) return;
  servers.add(server);
  const { Server } = require('net');
  for (let owner = server; owner && owner !== Server.prototype; owner = getPrototypeOf(owner)) {
    if (getOwnPropertyDescriptor(owner, 'emit')) wrap(owner, 'emit', serverEmit);
  }
}

function start() {
  const { AsyncLocalStorage } = require('async_hooks');
  if (process.env.SIDERAY_CARRIER === 'off' || !AsyncLocalStorage || globalThis[MARK]) return;
  Object.defineProperty(globalThis, MARK, { value: true });
  storage = new AsyncLocalStorage();
  wrap(require('net').Server.prototype, 'emit', serverEmit);
  subscribe('http.server.request.start', adopt);
}

quietly(start);
