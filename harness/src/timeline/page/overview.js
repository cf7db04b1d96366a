
// The whole run in one strip: how much was sent, who led, what went wrong, and what is in view.

// The strip has the run where the stage has it.
function overviewX(view, at) {
  const whole = view.whole;
  return GUTTER + ((at - whole.from) / (whole.to - whole.from)) * (view.width - GUTTER);
}

function overviewAt(view, x) {
  const whole = view.whole;
  return whole.from + ((x - GUTTER) / (view.width - GUTTER)) * (whole.to - whole.from);
}

// What does not change as the view moves.
function paintOverviewGround(pen, view, colours, height) {
  const { run } = view;
  paintTraffic(pen, view, colours, height);
  const row = Math.min(8, (height - 16) / Math.max(1, run.lanes.length));
  run.lanes.forEach((lane, index) => {
    const { at, values } = lane.states;
    for (let i = 0; i < at.length; i++) {
      const end = i + 1 < at.length ? at[i + 1] : run.last;
      const left = overviewX(view, at[i]);
      const right = overviewX(view, end);
      const { state, paused } = values[i];
      const tall = state === "leader" ? row - 1 : Math.max(1, row / 3);
      pen.fillStyle = state === "down" || paused ? colours.line : colours[state];
      pen.fillRect(left, 8 + index * row + (row - tall) / 2, Math.max(right - left, 0.5), tall);
    }
  });
  for (const [number, record] of run.records.entries()) {
    if (record.event !== "crashed" && record.event !== "fault") continue;
    pen.fillStyle = colours.fault;
    pen.fillRect(overviewX(view, Number(run.records[number].at)), height - 6, 1, 6);
  }
  for (const number of run.violations) {
    const x = overviewX(view, Number(run.records[number].at));
    pen.fillStyle = colours.alarm;
    pen.fillRect(x - 0.75, 0, 1.5, height);
    pen.beginPath();
    polygon(pen, x, 0, [[-5, 0], [5, 0], [0, 8]]);
    pen.fill();
  }
}

// How many messages were sent, lost ones apart, over time.
function paintTraffic(pen, view, colours, height) {
  const { arrows } = view.run;
  const width = Math.max(1, Math.ceil((view.width - GUTTER) / 2));
  const all = new Float64Array(width + 1);
  const lost = new Float64Array(width + 1);
  for (let i = 0; i < arrows.count; i++) {
    if (view.hiddenKinds.has(arrows.kind[i])) continue;
    const column = Math.floor((overviewX(view, arrows.start[i]) - GUTTER) / 2);
    all[column] += 1;
    if (arrows.fate[i] === LOST) lost[column] += 1;
  }
  const most = Math.max(1, ...all);
  pen.globalAlpha = 0.3;
  for (const [counts, colour] of [[all, colours.append], [lost, colours.alarm]]) {
    pen.fillStyle = colour;
    counts.forEach((count, column) => {
      const tall = (count / most) * (height - 6);
      if (tall) pen.fillRect(GUTTER + column * 2, height - tall, 2, tall);
    });
  }
  pen.globalAlpha = 1;
}

// The ground, what the search has found, and a window around what is in view.
function paintOverview(pen, view, colours, height, ground, hits) {
  pen.drawImage(ground, 0, 0, view.width, height);
  pen.fillStyle = colours.hit;
  const columns = new Set(
    hits.map((number) => Math.round(overviewX(view, Number(view.run.records[number].at)))),
  );
  for (const x of columns) pen.fillRect(x - 0.5, 0, 1, 7);
  const left = overviewX(view, view.from);
  const right = Math.max(left + 3, overviewX(view, view.to));
  pen.fillStyle = colours.paper;
  pen.globalAlpha = 0.55;
  pen.fillRect(GUTTER, 0, left - GUTTER, height);
  pen.fillRect(right, 0, view.width - right, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 1.5;
  pen.strokeRect(left + 0.75, 0.75, right - left - 1.5, height - 1.5);
  pen.font = `11px ${colours.sans}`;
  pen.fillStyle = colours.soft;
  pen.textBaseline = "middle";
  pen.fillText("The whole run", 14, height / 2 - 8);
  const length = durationText(view.run, view.run.last - view.run.first);
  pen.fillText(`${length}, ${counted(view.run.records.length, "record")}`, 14, height / 2 + 8);
}
