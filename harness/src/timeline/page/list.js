
// The list of records, of which only the rows in sight exist, and the search.

const ROW = 20;

class RecordList {
  constructor(view, rows, choose) {
    this.view = view;
    this.rows = rows;
    this.inner = rows.firstElementChild;
    this.query = "";
    this.hits = [];
    this.selected = -1;
    // The numbers of the records that are listed.
    this.listed = [];
    rows.addEventListener("scroll", () => this.paint());
    this.inner.addEventListener("click", ({ target }) => {
      const row = target.closest(".row");
      if (row) choose(Number(row.dataset.record));
    });
  }

  // Every record in lower case, made when it is first searched.
  get texts() {
    const { run } = this.view;
    this.made ??= run.records.map((record) => {
      const node = nodeOf(run, record);
      const where = node === undefined ? "" : `node ${node} `;
      return `${where}${record.event} ${sentence(run, record)}`.toLowerCase();
    });
    return this.made;
  }

  search(query) {
    this.query = query.trim().toLowerCase();
    this.filter();
  }

  // Lists anew what the filters and the search let through.
  filter() {
    const { run } = this.view;
    const words = this.query.split(/\s+/).filter(Boolean);
    const wanted = (number) => {
      if (!this.view.showsRecord(run.records[number])) return false;
      return words.every((word) => this.texts[number].includes(word));
    };
    this.listed = [...run.records.keys()].filter(wanted);
    this.hits = words.length ? this.listed : [];
    this.inner.style.height = `${this.listed.length * ROW}px`;
    this.inner.parentElement.querySelector(".empty")?.remove();
    if (!this.listed.length) this.rows.append(element("p", "No record fits.", "empty"));
    this.reveal();
    this.paint();
  }

  select(number) {
    this.selected = number;
    this.reveal();
    this.paint();
  }

  // Where a record stands in the list; if it is not in it, where it would.
  placeOf(number) {
    return firstAfter(this.listed, number - 1);
  }

  // The listed record before or after the selected one, or after a moment.
  neighbour(step) {
    const from = this.selected >= 0 ? this.selected : this.view.run.recordAt(this.view.cursor);
    const place = this.placeOf(from);
    const there = this.listed[place] === from;
    const next = step > 0 ? place + (there && this.selected >= 0 ? 1 : 0) : place - 1;
    const count = this.listed.length;
    return count ? this.listed[(next + count) % count] : undefined;
  }

  reveal() {
    if (this.selected < 0) return;
    const top = this.placeOf(this.selected) * ROW;
    const { scrollTop, clientHeight } = this.rows;
    if (top < scrollTop + ROW || top > scrollTop + clientHeight - 2 * ROW) {
      this.rows.scrollTop = top - clientHeight / 3;
    }
  }

  paint() {
    const { run } = this.view;
    const { scrollTop, clientHeight } = this.rows;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - 5);
    const end = Math.min(this.listed.length, Math.ceil((scrollTop + clientHeight) / ROW) + 5);
    const made = [];
    for (let place = first; place < end; place++) {
      const number = this.listed[place];
      const record = run.records[number];
      const row = element("div", "", `row ${record.event}`);
      row.classList.toggle("selected", number === this.selected);
      row.style.top = `${place * ROW}px`;
      row.dataset.record = number;
      const text = sentence(run, record);
      row.title = text;
      const time = timeText(run, Number(record.at)).replace(/^step | s$/g, "");
      row.append(
        element("span", time, "time"),
        element("span", nodeOf(run, record) ?? "", "node"),
        element("span", text),
      );
      made.push(row);
    }
    this.inner.replaceChildren(...made);
  }
}
