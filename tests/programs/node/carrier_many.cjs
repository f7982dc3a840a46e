'use strict';
// carrier_app.cjs in other threads and processes: carrier_many.cjs thread|cluster|child ORIGIN…
const path = require('path');

const [way, ...words] = process.argv.slice(2);
const app = path.join(__dirname, 'carrier_app.cjs');

const ways = {
  thread() {
    const { Worker } = require('worker_threads');
    new Worker(app, { argv: words });
  },
  cluster() {
    const cluster = require('cluster');
    cluster.setupMaster({ exec: app, args: words });
    cluster.fork();
    cluster.fork();
  },
  child() {
    require('child_process').fork(app, words);
  },
};
ways[way]();
