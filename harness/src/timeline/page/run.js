"use strict";

// What the records say, in the shape in which it is looked up and drawn.

const DELIVERED = 0;
const LOST = 1;
const UNDERWAY = 2;

// Values that hold from a moment on, until the next.
class Steps {
  constructor() {
    this.at = [];
    this.values = [];
  }

  push(at, value) {
    this.at.push(at);
    this.values.push(value);
  }

  // The place of what holds at a moment: the last that is not later, or -1.
  indexAt(at) {
    return firstAfter(this.at, at) - 1;
  }

  valueAt(at) {
    return this.values[this.indexAt(at)];
  }

  get last() {
    return this.values[this.values.length - 1];
  }
}

// The first place in an ascending list that is greater.
function firstAfter(list, bound) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

// A node, and everything that is drawn in its lane.
class Lane {
  constructor(id, index) {
    this.id = id;
    this.index = index;
    this.states = new Steps(); // { state, paused, term, leader, record }
    this.commits = new Steps();
    this.applied = new Steps();
    this.configs = new Steps();
    this.cuts = new Steps(); // { to: [], from: [] }: peers that cannot be reached, or not reach it
    this.marks = new Steps(); // numbers of records
    this.severed = { to: new Set(), from: new Set() };
  }

  change(at, record, change) {
    const state = { state: "follower", paused: false, term: 0, leader: 0, ...this.states.last };
    this.states.push(at, { ...state, ...change, record });
  }

  cut(at, direction, peer, down) {
    if (down) this.severed[direction].add(peer);
    else this.severed[direction].delete(peer);
    const sorted = (set) => [...set].sort((a, b) => a - b);
    this.cuts.push(at, { to: sorted(this.severed.to), from: sorted(this.severed.from) });
  }
}

// Messages as the arrows they are drawn as, field by field: a message that is duplicated has two.
// The lane of -1 is a node that has no lane.
class Arrows {
  constructor() {
    Object.assign(this, { start: [], end: [], from: [], to: [], kind: [], fate: [] });
    this.copy = []; // Which of the arrows of its message it is, from 1.
    this.sent = []; // The number of the record that sent it.
    this.ended = []; // That of the record that says what came of it, or -1.
    this.ordinal = []; // How many of its kind and fate came before.
  }

  get count() {
    return this.start.length;
  }

  push(message, end, fate, ended) {
    const { start, from, to, kind, sent } = message;
    message.copies += 1;
    const copy = message.copies;
    const values = { start, end, from, to, kind: kind.index, fate, copy, sent, ended };
    for (const [name, value] of Object.entries(values)) this[name].push(value);
    const key = fate === LOST ? "lost" : "arrived";
    this.ordinal.push(kind[key]);
    kind[key] += 1;
  }
}

class Run {
  constructor(records) {
    this.records = records;
    this.begin = records.find((record) => record.event === "begin");
    this.end = records.findLast((record) => record.event === "end");
    this.first = records.length ? Number(records[0].at) : 0;
    this.last = records.reduce((last, record) => Math.max(last, Number(record.at)), this.first);
    // A clock that never outruns its records counts them.
    this.countsSteps = this.last <= records.length;

    this.lanes = [];
    this.laneById = new Map();
    this.kinds = [];
    this.kindByName = new Map();
    this.messages = new Map();
    this.arrows = new Arrows();
    this.operations = [];
    this.operationByKey = new Map();
    this.clusterMarks = new Steps();
    this.violations = [];

    for (const id of this.begin?.nodes ?? []) this.lane(id);
    records.forEach((record, number) => this.take(record, number));
    for (const message of this.messages.values()) {
      if (!message.copies) this.arrows.push(message, message.start, UNDERWAY, -1);
    }
    this.clients = placeInRows(this.operations, this.last);
    this.clientRows = this.clients.reduce((sum, { rows }) => sum + rows, 0);
  }

  lane(id) {
    let lane = this.laneById.get(String(id));
    if (!lane) {
      lane = new Lane(id, this.lanes.length);
      this.lanes.push(lane);
      this.laneById.set(String(id), lane);
    }
    return lane;
  }

  laneIndex(id) {
    return this.laneById.get(String(id))?.index ?? -1;
  }

  kind(name) {
    let kind = this.kindByName.get(name);
    if (!kind) {
      kind = {
        name,
        index: this.kinds.length,
        group: groupOf(name),
        response: name.endsWith("Resp"),
        count: 0,
        arrived: 0,
        lost: 0,
      };
      this.kinds.push(kind);
      this.kindByName.set(name, kind);
    }
    return kind;
  }

  // Takes in the record of a number, which comes after all before it.
  take(record, number) {
    const at = Number(record.at);
    switch (record.event) {
      case "started": {
        const lane = this.lane(record.node);
        const { term } = record;
        lane.change(at, number, { state: "follower", paused: false, term, leader: 0 });
        lane.commits.push(at, Number(record.commit));
        // What the state machine still holds is not told.
        lane.applied.push(at, null);
        lane.marks.push(at, number);
        break;
      }
      case "crashed":
        this.lane(record.node).change(at, number, { state: "down", paused: false, leader: 0 });
        this.lane(record.node).marks.push(at, number);
        break;
      case "paused":
      case "resumed":
        this.lane(record.node).change(at, number, { paused: record.event === "paused" });
        this.lane(record.node).marks.push(at, number);
        break;
      case "state": {
        const { role, term, leader } = record;
        this.lane(record.node).change(at, number, { state: role, term, leader });
        break;
      }
      case "committed":
        this.lane(record.node).commits.push(at, Number(record.index));
        break;
      case "applied":
        this.lane(record.node).applied.push(at, Number(record.index));
        break;
      case "configured":
        this.lane(record.node).configs.push(at, record.config);
        this.lane(record.node).marks.push(at, number);
        break;
      case "sent":
        this.send(record, at, number);
        break;
      case "delivered":
      case "lost": {
        const message = this.messages.get(record.id);
        if (!message) break;
        this.arrows.push(message, at, record.event === "lost" ? LOST : DELIVERED, number);
        break;
      }
      case "link_down":
      case "link_up": {
        const down = record.event === "link_down";
        this.lane(record.from).cut(at, "to", record.to, down);
        this.lane(record.to).cut(at, "from", record.from, down);
        break;
      }
      case "asked": {
        const operation = { asked: number, start: at, end: null, answered: -1, ...record };
        this.operations.push(operation);
        this.operationByKey.set(`${record.client}:${record.op}`, operation);
        break;
      }
      case "answered": {
        const operation = this.asking(record);
        if (operation) Object.assign(operation, { end: at, answered: number });
        break;
      }
      case "violation":
        this.violations.push(number);
        this.clusterMarks.push(at, number);
        if (Number(record.node)) this.lane(record.node).marks.push(at, number);
        break;
      case "fault":
      case "note":
        (Number(record.node) ? this.lane(record.node).marks : this.clusterMarks).push(at, number);
        break;
    }
  }

  send(record, at, number) {
    const kind = this.kind(record.kind);
    kind.count += 1;
    this.messages.set(record.id, {
      start: at,
      from: this.laneIndex(record.from),
      to: this.laneIndex(record.to),
      kind,
      sent: number,
      copies: 0,
    });
  }

  // The record that sent the message which a record is about.
  sending(record) {
    const message = this.messages.get(record.id);
    return message && this.records[message.sent];
  }

  // What was asked, when a record says what came of it.
  asking(record) {
    return this.operationByKey.get(`${record.client}:${record.op}`);
  }

  // The first record that is not earlier.
  recordAt(at) {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(this.records[middle].at) < at) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, this.records.length - 1);
  }
}

// What a kind of message serves, which gives it its colour.
function groupOf(name) {
  const groups = [
    [/storage/i, "other"],
    [/heartbeat/i, "heartbeat"],
    [/vote/i, "vote"],
    [/snap/i, "snapshot"],
    [/read/i, "read"],
    [/prop/i, "proposal"],
    [/transfer|timeoutnow/i, "transfer"],
    [/app/i, "append"],
  ];
  return groups.find(([pattern]) => pattern.test(name))?.[1] ?? "other";
}

// Gives each operation a row in which it overlaps no other: clients keep apart, and a client that
// asks several things at once gets several rows. One that was never answered ends, for the eye,
// when its client asks again. Answers with the clients and how many rows each has.
function placeInRows(operations, last) {
  const clients = new Map();
  for (const operation of operations) {
    const key = String(operation.client);
    if (!clients.has(key)) clients.set(key, { client: operation.client, free: [], all: [] });
    clients.get(key).all.push(operation);
  }
  const most = 4;
  let count = 0;
  const sorted = [...clients.values()].sort((a, b) => Number(a.client) - Number(b.client));
  for (const { free, all } of sorted) {
    all.forEach((operation, number) => {
      operation.until = operation.end ?? all[number + 1]?.start ?? last;
      let row = free.findIndex((from) => from <= operation.start);
      if (row < 0) row = free.length < most ? free.length : free.indexOf(Math.min(...free));
      free[row] = Math.max(free[row] ?? 0, operation.until);
      operation.row = count + row;
    });
    count += free.length;
  }
  return sorted.map(({ client, free }) => ({ client, rows: free.length }));
}
