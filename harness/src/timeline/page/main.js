
// Brings it all together: what the reader does, and what is drawn after it.

class Timeline {
  constructor(run) {
    this.run = run;
    this.view = new View(run);
    this.list = new RecordList(this.view, byId("rows"), (number) => this.choose(number));
    this.colours = readColours();
    this.painted = { marks: [], arrows: [], classes: [] };
    this.ground = document.createElement("canvas");
    // What is under the pointer, and what was held on to by a click.
    this.hovered = [];
    this.held = [];
    this.violation = -1;
    this.due = new Set();
    hideCommonHeartbeats(this.view);
    this.heading();
    this.kindButtons();
    this.listen();
    this.list.filter();
    this.resize();
  }

  // ---- drawing, at most once a frame ----

  draw(...what) {
    if (!this.due.size) requestAnimationFrame(() => this.drawDue());
    for (const part of what) this.due.add(part);
  }

  drawDue() {
    const { view, colours, due } = this;
    const height = byId("overview").clientHeight;
    if (due.has("ground")) {
      paintOverviewGround(penFor(this.ground, view.width, height), view, colours, height);
    }
    if (due.has("stage")) {
      const pen = penFor(byId("lanes"), view.width, view.height);
      this.painted = paintStage(pen, view, colours);
      byId("status").textContent = arrowsStatus(this.painted.classes);
    }
    if (due.has("ground") || due.has("stage")) {
      const pen = penFor(byId("overview"), view.width, height);
      paintOverview(pen, view, colours, height, this.ground, this.list.hits);
    }
    this.drawOverlay();
    due.clear();
  }

  // What moves with the pointer: cursor, gutter and what is brought out.
  drawOverlay() {
    const { view, colours } = this;
    const pen = penFor(byId("overlay"), view.width, view.height);
    pen.save();
    clip(pen, GUTTER, 0, view.width, view.height);
    const x = view.x(view.cursor);
    pen.strokeStyle = colours.accent;
    pen.globalAlpha = 0.6;
    pen.beginPath();
    pen.moveTo(x, RULER - 8);
    pen.lineTo(x, view.height);
    pen.stroke();
    pen.globalAlpha = 1;
    for (const thing of [...this.held, ...this.hovered]) this.bringOut(pen, thing);
    pen.restore();
    paintGutter(pen, view, colours);
    paintScrollBar(pen, view, colours);
  }

  bringOut(pen, { arrow, record }) {
    const { view, colours, run } = this;
    if (arrow !== undefined) {
      const line = arrowLine(view, arrow);
      const lost = run.arrows.fate[arrow] === LOST;
      const kind = run.kinds[run.arrows.kind[arrow]];
      pen.strokeStyle = pen.fillStyle = lost ? colours.alarm : colours[kind.group];
      pen.lineWidth = 3;
      pen.beginPath();
      pen.moveTo(line.x1, line.y1);
      pen.lineTo(line.x2, line.y2);
      pen.stroke();
      paintTip(pen, view, arrow, line);
      return;
    }
    const lane = run.laneIndex(nodeOf(run, run.records[record]));
    const x = view.x(Number(run.records[record].at));
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 2;
    pen.beginPath();
    const y = lane < 0 ? view.clientsTop : view.parts(lane).bar;
    pen.roundRect(x - 4, y - 4, 8, lane < 0 ? 8 : BAR + 8, 3);
    pen.stroke();
  }

  resize() {
    const { clientWidth, clientHeight } = byId("stage");
    Object.assign(this.view, { width: clientWidth, height: clientHeight });
    this.view.scrollBy(0);
    this.list.paint();
    this.draw("ground", "stage");
  }

  move(change) {
    change();
    this.hovered = [];
    byId("tooltip").hidden = true;
    this.draw("stage");
  }

  // ---- going places ----

  // Holds on to a record: selects it in the list, and brings it into view.
  choose(number, near = false) {
    const at = Number(this.run.records[number].at);
    const { view } = this;
    this.hold([recordDetails(this.run, number)]);
    view.cursor = at;
    this.list.select(number);
    this.move(() => (near ? view.near(at) : view.reveal(at)));
    const lane = this.run.laneIndex(nodeOf(this.run, this.run.records[number]));
    if (lane >= 0) {
      const { top, bottom } = view.parts(lane);
      if (top < view.lanesTop) view.scrollBy(top - view.lanesTop);
      else if (bottom > view.height) view.scrollBy(bottom - view.height);
    }
  }

  hold(things) {
    this.held = things;
    byId("details").hidden = things.length === 0;
    fillThings(byId("details"), things);
  }

  // Goes through the violations, in a circle.
  jump(step) {
    const { violations } = this.run;
    if (!violations.length) return;
    const count = violations.length;
    const from = this.violation < 0 ? (step > 0 ? -1 : 0) : this.violation;
    this.violation = (from + step + count) % count;
    this.choose(violations[this.violation], true);
    this.violationButton();
  }

  violationButton() {
    const count = this.run.violations.length;
    const text = {
      first: count === 1 ? "⚠ Jump to the violation" : `⚠ Jump to the first of ${count} violations`,
      later: `⚠ Violation ${this.violation + 1} of ${count}`,
    };
    byId("jump").textContent = this.violation < 0 ? text.first : text.later;
  }

  step(step) {
    const number = this.list.neighbour(step);
    if (number !== undefined) this.choose(number);
  }

  // ---- what stands around the stage ----

  heading() {
    const { run } = this;
    const [title, ...more] = (run.begin?.title ?? "A run without a beginning").split("\n");
    document.title = title;
    byId("title").textContent = title;
    byId("subtitle").textContent = more.join("\n");
    const verdict = run.end ? run.end.verdict : "the trace ends before the run does";
    byId("verdict").textContent = verdict;
    byId("verdict").title = verdict;
    byId("verdict").classList.toggle("broken", run.violations.length > 0);
    const count = run.violations.length;
    byId("violations").hidden = count === 0;
    byId("previous-violation").hidden = byId("next-violation").hidden = count < 2;
    this.violationButton();
  }

  kindButtons() {
    const { view, run } = this;
    const buttons = [...run.kinds]
      .sort((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name))
      .map((kind) => {
        const button = element("button", "", "kind");
        const swatch = element("i", "", kind.response ? "response" : "");
        swatch.style.setProperty("--kind", `var(--${kind.group})`);
        button.append(swatch, kind.name, element("small", kind.count.toLocaleString("en")));
        button.title = `${counted(kind.count, "message")}, ${kind.lost} lost. Shift+click: only these`;
        button.addEventListener("click", ({ shiftKey }) => {
          if (shiftKey) showOnly(view, kind);
          else toggle(view.hiddenKinds, kind.index);
          show();
          this.refilter();
        });
        return [kind, button];
      });
    const show = () => {
      for (const [kind, button] of buttons) {
        button.setAttribute("aria-pressed", !view.hiddenKinds.has(kind.index));
      }
    };
    show();
    byId("kinds").append(...buttons.map(([, button]) => button));
  }

  refilter() {
    this.list.filter();
    this.countHits();
    this.draw("ground", "stage");
  }

  countHits() {
    const { hits, query, selected } = this.list;
    const place = hits.indexOf(selected);
    const count = hits.length.toLocaleString("en");
    byId("hits").textContent = !query ? "" : place < 0 ? count : `${place + 1} of ${count}`;
    byId("previous-hit").disabled = byId("next-hit").disabled = !hits.length;
  }

  hit(step) {
    if (!this.list.hits.length) return;
    this.step(step);
    this.countHits();
  }

  togglePanel(button, panel) {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", !panel.hidden);
    this.resize();
  }

  letGo() {
    this.hold([]);
    this.view.focus.clear();
    this.list.select(-1);
    byId("search").value = "";
    this.list.search("");
    if (!byId("legend").hidden) this.togglePanel(byId("toggle-legend"), byId("legend"));
    this.refilter();
  }

  // ---- listening ----

  listen() {
    const { view } = this;
    const centre = () => (view.from + view.to) / 2;
    const onClick = (id, act) => byId(id).addEventListener("click", act);
    onClick("zoom-in", () => this.move(() => view.zoom(0.5, centre())));
    onClick("zoom-out", () => this.move(() => view.zoom(2, centre())));
    onClick("fit", () => this.move(() => view.show(view.whole.from, view.whole.to)));
    onClick("jump", () => this.jump(1));
    onClick("next-violation", () => this.jump(1));
    onClick("previous-violation", () => this.jump(-1));
    onClick("next-hit", () => this.hit(1));
    onClick("previous-hit", () => this.hit(-1));
    onClick("toggle-list", () => this.togglePanel(byId("toggle-list"), byId("list")));
    onClick("toggle-legend", () => {
      fillLegend(byId("legend"), this.colours);
      this.togglePanel(byId("toggle-legend"), byId("legend"));
    });
    byId("search").addEventListener("input", ({ target }) => {
      this.list.search(target.value);
      this.countHits();
      this.draw("ground");
    });
    this.countHits();
    this.listenToPointer(byId("stage"));
    this.listenToOverview(byId("overview"));
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(byId("stage"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = readColours();
      fillLegend(byId("legend"), this.colours);
      this.draw("ground", "stage");
    });
  }

  listenToPointer(stage) {
    const { view } = this;
    let drag = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      drag = { x: event.clientX, y: event.clientY, moved: 0 };
    });
    stage.addEventListener("pointermove", (event) => {
      if (!drag) return this.hover(event);
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      drag = { x: event.clientX, y: event.clientY, moved: drag.moved + Math.hypot(dx, dy) };
      if (drag.moved < 4) return;
      stage.classList.add("dragging");
      this.move(() => {
        view.pan(-dx * view.pixel);
        view.scrollBy(-dy);
      });
    });
    const release = (event) => {
      if (drag && drag.moved < 4 && event.type === "pointerup") this.click(event);
      drag = null;
      stage.classList.remove("dragging");
    };
    stage.addEventListener("pointerup", release);
    stage.addEventListener("pointercancel", release);
    stage.addEventListener("pointerleave", () => {
      this.hovered = [];
      byId("tooltip").hidden = true;
      this.draw("overlay");
    });
    stage.addEventListener("wheel", (event) => this.wheel(event, view.at(this.point(event).x)), {
      passive: false,
    });
  }

  listenToOverview(overview) {
    const { view } = this;
    const centre = (event) => {
      const at = overviewAt(view, event.offsetX);
      this.move(() => view.show(at - view.span / 2, at + view.span / 2));
    };
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      centre(event);
    });
    overview.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) centre(event);
    });
    overview.addEventListener("wheel", (event) => this.wheel(event, (view.from + view.to) / 2), {
      passive: false,
    });
  }

  // The wheel zooms around a moment; sideways, or with Shift, it moves.
  wheel(event, around) {
    event.preventDefault();
    const { view } = this;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const sideways = event.shiftKey ? event.deltaY + event.deltaX : event.deltaX;
    this.move(() => {
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        view.pan(sideways * unit * view.pixel);
      } else {
        const strength = event.ctrlKey ? 0.01 : 0.0022;
        view.zoom(Math.exp(event.deltaY * unit * strength), around);
      }
    });
  }

  point(event) {
    const box = byId("stage").getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  hover(event) {
    const { view } = this;
    const { x, y } = this.point(event);
    const tooltip = byId("tooltip");
    const inPlot = x >= GUTTER;
    if (inPlot) view.cursor = Math.min(Math.max(view.at(x), this.run.first), this.run.last);
    this.hovered = inPlot ? thingsAt(view, this.painted, x, y) : [];
    tooltip.hidden = this.hovered.length === 0;
    if (!tooltip.hidden) {
      fillThings(tooltip, this.hovered);
      const { offsetWidth, offsetHeight } = tooltip;
      const right = event.clientX + 16 + offsetWidth > innerWidth;
      const left = right ? event.clientX - 16 - offsetWidth : event.clientX + 16;
      tooltip.style.left = `${Math.max(4, left)}px`;
      tooltip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - offsetHeight - 6))}px`;
    }
    this.draw("overlay");
  }

  click(event) {
    const { view } = this;
    const { x, y } = this.point(event);
    if (x < GUTTER) {
      const lane = view.laneAt(y);
      if (lane < 0) return;
      toggle(view.focus, lane);
      this.refilter();
      return;
    }
    const things = thingsAt(view, this.painted, x, y);
    this.hold(things);
    const near = things[0]?.record ?? this.run.recordAt(view.at(x));
    this.list.select(near);
    this.countHits();
    this.draw("overlay");
  }

  key(event) {
    const { view } = this;
    const inSearch = event.target === byId("search");
    if (inSearch && event.key === "Enter") return this.hit(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      event.target.blur();
      return this.letGo();
    }
    if (inSearch || event.ctrlKey || event.metaKey || event.altKey) return;
    const inList = event.target === byId("rows");
    const seen = view.cursor > view.from && view.cursor < view.to;
    const centre = seen ? view.cursor : (view.from + view.to) / 2;
    const keys = {
      "ArrowLeft": () => this.move(() => view.pan(-view.span * 0.15)),
      "ArrowRight": () => this.move(() => view.pan(view.span * 0.15)),
      "ArrowUp": () => (inList ? this.step(-1) : this.move(() => view.scrollBy(-60))),
      "ArrowDown": () => (inList ? this.step(1) : this.move(() => view.scrollBy(60))),
      "+": () => this.move(() => view.zoom(0.6, centre)),
      "=": () => this.move(() => view.zoom(0.6, centre)),
      "-": () => this.move(() => view.zoom(1 / 0.6, centre)),
      "0": () => this.move(() => view.show(view.whole.from, view.whole.to)),
      "n": () => this.jump(1),
      "N": () => this.jump(-1),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      "/": () => byId("search").focus(),
      "l": () => byId("toggle-list").click(),
      "?": () => byId("toggle-legend").click(),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

function byId(id) {
  return document.getElementById(id);
}

function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
}

// Leaves only one kind; all of them when it is the only one already.
function showOnly(view, kind) {
  const others = view.run.kinds.filter(({ index }) => index !== kind.index);
  const alone = !view.hiddenKinds.has(kind.index) && view.hiddenKinds.size === others.length;
  view.hiddenKinds.clear();
  if (!alone) for (const { index } of others) view.hiddenKinds.add(index);
}

// Heartbeats tell little; where there are many they would hide the rest.
function hideCommonHeartbeats(view) {
  const heartbeats = view.run.kinds.filter(({ group }) => group === "heartbeat");
  const count = heartbeats.reduce((sum, kind) => sum + kind.count, 0);
  if (count > 100) for (const { index } of heartbeats) view.hiddenKinds.add(index);
}

new Timeline(new Run(JSON.parse(byId("records").textContent)));
