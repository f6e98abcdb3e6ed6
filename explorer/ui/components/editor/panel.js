// The sliders with their locks.

const LOCK = '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="5" y="11" width="14" height="9" rx="2"/>' +
  '<path class="shackle" d="M8 11V8a4 4 0 0 1 8 0v3"/></svg>'
const VISIBLE_ROWS = 10
const CALM = 1000 // milliseconds after a change during which hovering selects no other slider

function signed(value) {
  return value === 0 ? "0" : `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`
}

// Return the position of a strength in a strip, in frames from the first one.
function placeIn(strengths, value) {
  const last = strengths.length - 1
  return ((value - strengths[0]) / (strengths[last] - strengths[0])) * last
}

class Panel {
  constructor(root, on) {
    this.node = root.querySelector(".sliders")
    this.on = on
    this.rows = new Map()
    this.dragging = null
    this.hand = "pointer" // "pointer" or "key": the device in use; `moved` is that of the last change
    this.moved = null
    this.calmUntil = 0
  }

  build(sliders) {
    const signature = sliders.map((s) => s.name).join("\n")
    if (signature === this.signature) return
    this.signature = signature
    this.rows.clear()
    this.node.replaceChildren()
    let place = this.node
    sliders.forEach((slider, index) => {
      if (index === VISIBLE_ROWS && !slider.own) {
        place = element("details", { class: "more" }, element("summary", {}, "More"))
        this.node.append(place)
      }
      const row = this.row(slider)
      if (slider.own && place !== this.node) place.before(row) // in sight, although it is the last one
      else place.append(row)
    })
  }

  row(slider) {
    const lock = element("button", { class: "lock", "aria-label": `Lock ${slider.label}`, "aria-pressed": "false" })
    lock.innerHTML = LOCK
    const label = element("span", { class: "label", title: `${slider.label}: ${slider.less} – ${slider.more}` }, slider.label)
    const input = element("input", {
      type: "range", min: slider.min, max: slider.max, step: slider.step, "aria-label": slider.label,
      "data-attribute": slider.name, title: `${slider.less} ← → ${slider.more}; double click for 0`,
    })
    const output = element("output", {})
    const row = element("div", { class: "row", "data-attribute": slider.name }, lock, label, input, output)
    const item = { row, lock, input, output, slider, value: 0 }
    this.rows.set(slider.name, item)

    lock.onclick = () => this.on.lock(slider.name, lock.getAttribute("aria-pressed") !== "true")
    input.onpointerdown = (event) => {
      if (event.button !== 0) return // the menu of another button may swallow the release
      this.dragging = slider.name
      this.hand = "pointer"
      item.before = [input.value, item.value]
      this.on.focus(slider.name)
    }
    input.onpointercancel = () => this.giveBack(item)
    input.onfocus = () => this.on.focus(slider.name)
    input.oninput = () => { item.scrolled = false; this.follow(item) }
    input.onchange = () => {
      this.dragging = null
      if (!item.scrolled) this.commit(item, Number(input.value))
      item.scrolled = false
    }
    input.onpointerup = () => { this.dragging = null }
    input.ondblclick = () => this.jump(item, 0, true) // joins the step of its two clicks
    input.onkeydown = (event) => {
      if (!this.dragging) this.hand = "key"
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key]
      if (!way || !event.shiftKey) return
      event.preventDefault()
      this.jump(item, Number(input.value) + way * 0.5)
    }
    // Only a moving pointer selects a slider, not one under which the page has moved.
    row.onpointermove = (event) => {
      clearTimeout(this.hover)
      if (event.pointerType === "touch" || this.dragging || event.timeStamp < this.calmUntil) return
      this.hover = setTimeout(() => this.on.focus(slider.name), 120)
    }
    row.onpointerleave = () => clearTimeout(this.hover)
    return row
  }

  // The browser scrolls the page with this touch: restore the slider, and ignore the change event that still follows.
  giveBack(item) {
    this.dragging = null
    item.scrolled = true
    ;[item.input.value, item.value] = item.before
    this.paint(item)
    this.on.drop(item.slider.name, item.value)
  }

  // Focus a slider by its index, or its lock if it is locked.
  pick(index) {
    const item = [...this.rows.values()][index]
    if (item) item.row.closest("details")?.setAttribute("open", "")
    const to = item?.slider.locked ? item.lock : item?.input
    to?.focus()
  }

  set(name, value) {
    const item = this.rows.get(name)
    if (!item || item.slider.locked) return
    this.hand = "pointer" // each choice of a frame is a step of its own
    this.jump(item, value)
  }

  // Show a value without sending it.
  put(name, value) {
    const item = this.rows.get(name)
    if (!item) return
    item.input.value = item.value = value
    this.paint(item)
  }

  jump(item, value, joins) {
    item.input.value = value
    this.follow(item)
    this.commit(item, item.value, joins)
  }

  // Repeated key presses continue one step of the history; every stroke of a pointer is its own step.
  commit(item, value, joins = this.hand === "key" && this.moved === "key") {
    this.calmUntil = performance.now() + CALM
    this.moved = this.hand
    this.on.commit(item.slider.name, value, joins)
  }

  follow(item) {
    item.value = Number(item.input.value)
    this.paint(item)
    this.on.drag(item.slider.name, item.value)
  }

  // Mark the strengths of the strip's slider that give no picture; `null` for no strip.
  know(strip) {
    this.strip = strip
    for (const item of this.rows.values()) this.paint(item)
  }

  // The text shows the edit's value, the thumb the nearest one that the slider has: links may hold any strength.
  paint({ row, input, output, slider, value }) {
    const thumb = Number(input.value)
    const percent = (v) => `${((v - slider.min) / (slider.max - slider.min)) * 100}%`
    input.style.setProperty("--low", percent(Math.min(0, thumb)))
    input.style.setProperty("--high", percent(Math.max(0, thumb)))
    const text = signed(value)
    output.textContent = text
    const { name, strengths, lost, lostWords } = this.strip ?? {}
    const beyond = name === slider.name && lost.includes(Math.round(placeIn(strengths, thumb)))
    output.classList.toggle("lost", beyond)
    output.title = beyond ? lostWords : ""
    input.setAttribute("aria-valuetext", `${text} standard deviations${beyond ? `, ${lostWords}` : ""}`)
    row.classList.toggle("moved", value !== 0)
  }

  // Show the server's values; a slider that is being dragged keeps its own.
  update(sliders, keepValues) {
    for (const slider of sliders) {
      const item = this.rows.get(slider.name)
      item.slider = slider
      item.lock.setAttribute("aria-pressed", String(slider.locked))
      item.lock.title = slider.locked ? `${slider.label} stays as it is; click to free it` : `Keep ${slider.label} as it is`
      item.input.disabled = slider.locked
      if (!keepValues && this.dragging !== slider.name) item.input.value = item.value = slider.value
      this.paint(item)
    }
  }
}
