
// Records, times and nodes in words.

const ROLES = {
  follower: "Follower",
  pre_candidate: "Pre-candidate",
  candidate: "Candidate",
  leader: "Leader",
  down: "Down",
};

// A moment, to as many digits as a step of this size shows.
function timeText(run, at, step = 1) {
  if (run.countsSteps) return `step ${Math.round(at)}`;
  const digits = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(step) - 1e-9)));
  return `${(at / 1e6).toFixed(digits)} s`;
}

function durationText(run, duration) {
  if (run.countsSteps) return `${duration} ${duration === 1 ? "step" : "steps"}`;
  if (duration < 1000) return `${duration} µs`;
  if (duration < 1e6) return `${trimmed(duration / 1000)} ms`;
  return `${trimmed(duration / 1e6)} s`;
}

function trimmed(number) {
  return String(Number(number.toPrecision(4)));
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// The node a record is about, as far as there is one.
function nodeOf(run, record) {
  switch (record.event) {
    case "sent":
    case "link_down":
    case "link_up":
      return record.from;
    case "delivered":
    case "lost":
      return run.sending(record)?.to;
    case "answered":
      return run.asking(record)?.node;
    default:
      return Number(record.node) ? record.node : undefined;
  }
}

// A record in one line.
function sentence(run, record) {
  const r = record;
  switch (r.event) {
    case "begin":
      return `begin: ${r.title}`;
    case "started":
      return `started: term ${r.term}, vote ${r.vote}, commit ${r.commit}, last ${r.last}`;
    case "crashed":
      return `crashed: ${r.why}`;
    case "paused":
    case "resumed":
      return r.event;
    case "state": {
      const leader = r.role !== "leader" && Number(r.leader) ? `, leader ${r.leader}` : "";
      return `${ROLES[r.role].toLowerCase()} at term ${r.term}${leader}`;
    }
    case "committed":
      return `commit ${r.index}`;
    case "applied":
      return `applied ${r.index}`;
    case "configured":
      return `configuration ${r.config}`;
    case "sent": {
      const parts = [`${r.kind} → ${r.to}`, `term ${r.term}`, r.text];
      return `${parts.filter(Boolean).join(" · ")} #${r.id}`;
    }
    case "delivered":
    case "lost": {
      const sent = run.sending(r);
      const what = sent ? `${sent.kind} from ${sent.from}` : "a message that nobody sent";
      const why = r.event === "lost" ? `lost (${r.why})` : "delivered";
      return `${why}: ${what} #${r.id}`;
    }
    case "link_down":
      return `link to ${r.to} down`;
    case "link_up":
      return `link to ${r.to} up`;
    case "asked":
      return `client ${r.client} asks ${r.node} #${r.op}: ${r.text}`;
    case "answered":
      return `client ${r.client} learns #${r.op}: ${r.text}`;
    case "violation":
      return `VIOLATION ${r.rule}: ${r.text}`;
    case "end":
      return `end: ${r.verdict}`;
    default:
      return `${r.event}: ${r.text ?? ""}`;
  }
}

// A few words for a mark in a lane.
function markText(record) {
  switch (record.event) {
    case "started":
      return `start t${record.term}`;
    case "crashed":
      return record.why;
    case "configured":
      return record.config;
    case "violation":
      return record.rule;
    default:
      return record.text ?? record.event;
  }
}

function peersText({ to, from }) {
  const both = to.filter((peer) => from.includes(peer));
  const parts = [
    ["⇹", both],
    ["↛", to.filter((peer) => !both.includes(peer))],
    ["↚", from.filter((peer) => !both.includes(peer))],
  ];
  return parts
    .filter(([, peers]) => peers.length)
    .map(([sign, peers]) => `${sign} ${peers.join(" ")}`)
    .join("   ");
}
