
// What the signs mean, drawn by what draws them, and what the keys do.

const KEYS = [
  ["wheel, + −", "zoom"],
  ["drag, ← →", "move in time"],
  ["↑ ↓", "more lanes, when they do not fit"],
  ["0", "the whole run"],
  ["N, Shift+N", "next and previous violation"],
  [", and .", "previous and next record"],
  ["/", "search; Enter and Shift+Enter for the next and previous hit"],
  ["click", "hold on to what is under the pointer, and show it in the list"],
  ["click on a node", "only messages and records of this node, and of others so chosen"],
  ["Shift+click on a kind", "only messages of this kind"],
  ["L, ?", "list of the records, legend"],
  ["Esc", "let go of everything: what is held, chosen nodes, the search"],
];

// What is drawn for the legend, on 84 by 26 pixels.
function samplePainters(colours) {
  const state = (state, paused = false) => (pen) =>
    paintState(pen, colours, { state, paused }, 2, 2, 80, BAR);
  const line = (colour, dash, tip) => (pen) => {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(8, 4);
    pen.lineTo(70, 22);
    pen.stroke();
    pen.setLineDash([]);
    const run = { arrows: { fate: [tip] } };
    if (tip !== undefined) paintTip(pen, { run }, 0, { x1: 8, y1: 4, x2: 70, y2: 22 });
  };
  const steps = (colour, dash) => (pen) => {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.6;
    pen.setLineDash(dash);
    pen.beginPath();
    polygon(pen, 4, 22, [[0, 0], [24, 0], [24, -8], [50, -8], [50, -16], [76, -16]]);
    pen.stroke();
  };
  const mark = (event) => (pen) => paintMark(pen, colours, event, 42, 13);
  const cut = (to, from) => (pen) => {
    pen.fillStyle = colours.cut;
    pen.globalAlpha = 0.16;
    pen.fillRect(2, 7, 80, 12);
    pen.globalAlpha = 1;
    if (to) pen.fillRect(2, 7, 80, 1.5);
    if (from) pen.fillRect(2, 18, 80, 1.5);
    pen.font = `11px ${colours.sans}`;
    pen.textBaseline = "middle";
    pen.fillText(to && from ? "⇹ 2" : to ? "↛ 2" : "↚ 2", 6, 13.5);
  };
  const operation = (open) => (pen) => {
    pen.fillStyle = pen.strokeStyle = colours.client;
    pen.globalAlpha = open ? 0.14 : 0.32;
    pen.fillRect(2, 6, 78, 14);
    pen.globalAlpha = 1;
    pen.fillRect(2, 6, 2, 14);
    pen.setLineDash([2, 3]);
    if (open) pen.strokeRect(2.5, 6.5, 78, 13);
  };
  return { state, line, steps, mark, cut, operation };
}

function legendSamples(colours) {
  const { state, line, steps, mark, cut, operation } = samplePainters(colours);
  return {
    "Nodes": [
      ["leader", state("leader")],
      ["candidate", state("candidate")],
      ["pre-candidate", state("pre_candidate")],
      ["follower", state("follower")],
      ["paused", state("follower", true)],
      ["down", state("down")],
      ["commit index", steps(colours.commit, [])],
      ["applied index", steps(colours.applied, [2, 3])],
      ["cannot reach node 2, nor the other way", cut(true, true)],
      ["cannot reach node 2", cut(true, false)],
      ["not reached by node 2", cut(false, true)],
    ],
    "Marks": [
      ["violation", mark("violation")],
      ["fault", mark("fault")],
      ["crash", mark("crashed")],
      ["start", mark("started")],
      ["pause", mark("paused")],
      ["goes on", mark("resumed")],
      ["configuration applied", mark("configured")],
      ["note", mark("note")],
    ],
    "Messages and requests": [
      ["message", line(colours.append, [], DELIVERED)],
      ["response", line(colours.append, [5, 3], DELIVERED)],
      ["lost", line(colours.alarm, [], LOST)],
      ["under way at the end", line(colours.append, [], UNDERWAY)],
      ["request, until it is answered", operation(false)],
      ["request without an answer", operation(true)],
    ],
  };
}

function fillLegend(box, colours) {
  box.replaceChildren();
  for (const [title, samples] of Object.entries(legendSamples(colours))) {
    const grid = element("div", "", "samples");
    for (const [text, paint] of samples) {
      const canvas = element("canvas");
      paint(penFor(canvas, 84, 26));
      const sample = element("div", "", "sample");
      sample.append(canvas, element("span", text));
      grid.append(sample);
    }
    box.append(element("h2", title), grid);
  }
  const keys = element("dl");
  for (const [key, text] of KEYS) keys.append(element("dt", key), element("dd", text));
  box.append(element("h2", "Keys and pointer"), keys);
}
