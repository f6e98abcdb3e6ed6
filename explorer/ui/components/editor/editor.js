// The editor: shows the data of the server and sends messages to it.

function typing(event) {
  const target = event.composedPath()[0]
  const text = target?.matches?.("textarea, select, [contenteditable], input:not([type=range]):not([type=checkbox])")
  return Boolean(text)
}

const REST = 600 // milliseconds without input after which a strip is requested
const UNANSWERED = "The server has not answered yet. The sliders show the last edit that it confirmed; a late answer still counts."
const UNSAVED = "The picture was not saved: the page was left before it was ready."
const NOT_COPIED = "Not copied: take the address from the address bar."
const COPIED = 2000 // milliseconds for which the button says that the link was copied

class Editor {
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.stage = new Stage(root, (face) => { remember(VIEW, "photo"); this.choose(face) })
    this.wire = new EditWire((m) => this.send(m), (busy) => {
      this.find(".waiting").hidden = !busy
      this.dim()
    }, (op) => this.giveUp(op), () => this.choose())
    this.readout = new Readout(root)
    this.views = new Views(root, this.stage, this.wire)
    this.panel = new Panel(root, {
      focus: (name) => this.wantStrip(name),
      drag: (name, value) => this.scrub(name, value),
      drop: (name, value) => this.unscrub(name, value),
      commit: (name, value, joins) => this.commit(name, value, joins),
      lock: (name, on) => this.change({ op: "lock", name, on }),
    })
    this.frames = new Frames(root, (name, value) => this.panel.set(name, value))
    for (const op of ["undo", "redo", "reset", "ease"]) {
      this.find(`.${op}`).onclick = () => { if (!this.off(op)) this.change({ op }) }
    }
    const hold = this.find(".hold")
    hold.onpointerdown = (event) => { if (event.button === 0) this.stage.hold(true) }
    hold.onpointerup = hold.onpointerleave = () => this.stage.hold(false)
    hold.onkeydown = (event) => { if (event.key === " " || event.key === "Enter") this.stage.hold(true) }
    hold.onkeyup = hold.onblur = () => this.stage.hold(false)
    for (const thumb of root.querySelectorAll(".thumb")) thumb.onclick = () => this.show(thumb.dataset.show)
    this.show("edited")
    this.told = "" // a sentence for the user, until the next change
    this.chosen = null // a face of the photo, until it can be sent
    this.find(".copy").hidden = !navigator.clipboard // without HTTPS
    this.find(".copy").onclick = () => this.copy()
    this.listening = new AbortController()
    const listen = (target, types, heard, capture = false) => {
      for (const type of types) target.addEventListener(type, heard, { capture, signal: this.listening.signal })
    }
    listen(window, ["pagehide"], () => this.keep(true))
    listen(window, ["explorer-save"], (event) => { if (this.wire.changesPending) event.preventDefault() })
    listen(window, ["keydown", "keyup"], (event) => this.key(event))
    listen(window, ["blur"], () => this.stage.hold(false)) // keys released in another window are not reported
    listen(document, ["visibilitychange"], () => this.stage.hold(false))
    const press = (event) => { this.pressed = event.type === "pointerdown" }
    listen(window, ["pointerdown", "pointerup", "pointercancel"], press, true)
  }

  close() {
    clearTimeout(this.refresh)
    this.keep()
    this.wire.close()
    this.listening.abort()
    this.dim(false)
  }

  // Copy the address. While a change is pending the address is that of the edit before, so the copy waits for the answer.
  async copy() {
    this.copies = this.wire.changesPending
    if (this.copies) return
    try {
      await navigator.clipboard.writeText(location.href)
      const button = this.find(".copy")
      this.find(".said").textContent = button.textContent = "Copied"
      setTimeout(() => { button.textContent = "Copy link" }, COPIED)
      this.told = this.data.link && `Copied. ${this.data.link}`
    } catch {
      this.told = NOT_COPIED
    }
    this.words(this.data)
  }

  // Start from another face of the photo. A pending change is to the face before, so the choice waits for the answer, as it
  // does while another page is loading.
  choose(face = this.chosen) {
    const waits = this.wire.changesPending || this.wire.departure.begun
    this.chosen = waits ? face : null
    if (!waits && face !== null) this.chooseFace(face)
  }

  // Keep what a reload, or another page, would lose; `ending` is whether the document ends.
  keep(ending = false) {
    if (this.data) this.wire.keep(this.data, ending)
  }

  // page.css dims the save buttons while a change is pending.
  dim(pending = this.wire.changesPending) {
    document.documentElement.toggleAttribute("data-edit-pending", pending)
  }

  key(event) {
    const key = event.key.toLowerCase()
    const alone = !event.altKey && !event.ctrlKey && !event.metaKey
    // With a modifier the release of B may be reported under another name, or on a Mac not at all: the modifier ends it too.
    if (event.type === "keyup" || !alone) {
      if (["b", "alt", "control", "meta"].includes(key)) this.stage.hold(false)
    }
    // A dialog shows the edit as it was when the dialog opened, so no key may change it.
    if (event.type === "keyup" || typing(event) || document.querySelector('[role="dialog"]')) return
    if (key === "b" && alone) this.stage.hold(true)
    if (key === "f" && alone && !event.repeat) this.views.toggleFull()
    if (/^[1-9]$/.test(key) && alone) this.panel.pick(Number(key) - 1)
    if (!(event.ctrlKey || event.metaKey)) return
    if (key === "z" || key === "y") {
      event.preventDefault()
      if (this.panel.dragging) return // the drag is not yet a step, so an earlier one would be undone
      // A held key repeats only after each answer, so that no steps are left over when it is released.
      const op = key === "y" || event.shiftKey ? "redo" : "undo"
      if (event.repeat && (this.wire.changesPending || this.off(op))) return
      this.change({ op })
    }
  }

  // Such buttons are not disabled, because a browser takes the focus from a disabled button.
  off(op) {
    return this.find(`.${op}`).ariaDisabled === "true"
  }

  show(name) {
    this.stage.show(name)
    for (const thumb of this.root.querySelectorAll(".thumb")) {
      thumb.setAttribute("aria-pressed", String(thumb.dataset.show === name))
    }
  }

  change(message) {
    if (!this.data || !this.wire.leadsOn(message, this.data)) return
    if (message.op === "set") {
      const slider = this.data.sliders.find((s) => s.name === message.name)
      if (slider && slider.value === message.value && !this.wire.changesPending) return
    }
    if (!keepsStrip(message, this.wanted)) this.dropStrip()
    if (message.op === "set") this.readout.hideHint()
    this.told = ""
    this.wire.post(message)
    this.dim()
  }

  // Send the changes that a previous editor could not send before its page was left, and tell of a picture that it could
  // not save, until the next change.
  resume(data) {
    for (const message of EditWire.takeKept(data)) {
      if (message.op === "set") this.panel.put(message.name, message.value)
      this.change(message)
    }
    this.told = recall(DROPPED) ? UNSAVED : ""
    remember(DROPPED, false)
    this.words(data)
  }

  // The time is the browser's: on the server's clock the time between two moves includes the wait for an answer.
  commit(name, value, joins) {
    const at = performance.now() / 1000
    this.change({ op: "set", name, value, since: at, at, joins })
  }

  wantStrip(name) {
    if (this.wanted === name || this.unanswered) return
    this.wanted = name
    this.stage.strip = null
    this.panel.know(null)
    this.wire.post({ op: "strip", name })
  }

  dropStrip() {
    this.stage.strip = this.wanted = null
    this.panel.know(null)
    this.frames.fade()
  }

  // After REST without input, request the strip for the row of frames: of the slider that the row shows, else of the last
  // moved one, so that a new attribute of one's own, which comes last, is shown. Not while a pointer is pressed: if its
  // click reruns the page while an answer is in flight, Streamlit may remove the whole editor for a moment.
  refreshSoon() {
    clearTimeout(this.refresh)
    this.refresh = setTimeout(() => {
      if (this.unanswered) return
      if (this.pressed) { this.refreshSoon(); return }
      const free = this.data.sliders.filter((s) => !s.locked)
      const slider = free.find((s) => s.name === this.frames.name) ?? free.findLast((s) => s.value !== 0) ?? free[0]
      if (slider && !this.wanted && !this.panel.dragging && !this.wire.changesPending) this.wantStrip(slider.name)
    }, REST)
  }

  scrub(name, value) {
    if (this.stage.shown !== "edited") this.show("edited")
    this.stage.setMoved(true)
    this.scrubbing = { name, value }
    if (this.frames.name === name) this.frames.mark(value)
    if (this.stage.strip?.name === name) this.stage.scrub(value)
    else this.wantStrip(name)
  }

  unscrub(name, value) {
    this.scrubbing = null
    if (this.frames.name === name) this.frames.mark(value)
    this.stage.setMoved(this.data.sliders.some((s) => s.value !== 0))
    this.stage.draw()
  }

  // Return the data with all addresses of pictures: an exact reconstruction is the original, and the server sends the whole
  // photo once, but newer data may come before it is decoded.
  completed(data) {
    const { original, reconstruction, edited } = data.pictures
    this.photo = data.photo && { ...(this.photo?.key === data.photo.key ? this.photo : null), ...data.photo }
    const pictures = { original, reconstruction: { ...reconstruction, uri: reconstruction.uri ?? original.uri }, edited }
    return { ...data, photo: this.photo, pictures }
  }

  async update(data) {
    this.unanswered = Boolean(data.unanswered)
    const turn = (this.turn = (this.turn ?? 0) + 1)
    data = this.completed(data)
    putInAddress(data.token) // before the pictures are decoded, so that a reload in between has the edit
    const pictures = {}
    for (const [name, { uri }] of Object.entries(data.pictures)) {
      const shown = this.stage.pictures[name]
      pictures[name] = shown?.src === uri ? shown : await decoded(uri)
    }
    const strip = data.strip ? { ...data.strip, image: await decoded(data.strip.uri) } : null
    const arrived = data.photo?.uri && data.photo.key !== this.stage.photo?.key
    const photo = arrived ? await decoded(data.photo.uri) : null
    if (turn !== this.turn) return // superseded by newer data during decoding
    const other = this.data && this.data.source !== data.source
    const [before, sent] = [this.data, this.wire.inFlight]
    this.data = data
    this.wire.acknowledge(data.ack)
    const answered = before && sent !== this.wire.inFlight ? sent : null
    if (answered) this.wire.settle(answered, before.token)
    if (before) this.announce(data, before, answered?.op ?? null)
    if (other) { this.chosen = null; this.told = "" }
    // A grid or an uploaded PNG may have moved other sliders of the same picture.
    const others = (name) => `${data.sliders.filter((s) => s.value && s.name !== name).map((s) => s.name + s.value)}`
    const old = this.stage.strip
    if (other || (old && old.others !== others(old.name))) this.dropStrip()
    this.panel.build(data.sliders)
    this.panel.update(data.sliders, this.wire.valuesPending)
    if (strip && strip.name === this.wanted && this.wire.allows(strip.name)) {
      this.wire.received(strip)
      this.stage.strip = { ...strip, others: others(strip.name) }
      this.panel.know(strip)
      this.frames.show(strip, data.sliders.find((s) => s.name === strip.name))
    }
    const touched = data.sliders.find((s) => s.name === this.frames.name)
    if (touched && !this.panel.dragging) this.frames.mark(touched.value)
    // The slider is locked, the server is busy, or newer data replaced the answer: the strip is requested once more.
    const refused = this.wanted && !this.stage.strip && !this.wire.inFlight
    if (refused) this.wanted = null
    if (!this.stage.strip && !(refused && this.refused)) this.refreshSoon()
    this.refused = refused
    if (!this.panel.dragging && !this.wire.valuesPending) this.stage.setMoved(data.sliders.some((s) => s.value !== 0))
    this.views.update(data, photo, pictures.original)
    for (const name of Object.keys(pictures)) this.place(name, pictures[name], data.pictures[name], other)
    if (this.panel.dragging && this.stage.strip?.name === this.panel.dragging && this.scrubbing) {
      this.stage.scrub(this.scrubbing.value)
    }
    this.words(data)
    if (!before) this.resume(data)
    if (this.copies) this.copy()
    this.choose()
    if (!this.unanswered && !this.wire.changesPending) this.views.request()
  }

  // Without an answer the sliders go back to the edit that the server has last sent. No strip is requested until it answers.
  giveUp(op) {
    if (isRequest({ op })) return
    this.update({ ...this.data, strip: null, note: UNANSWERED, unanswered: true })
  }

  // While values are pending the large picture stays at the strip's frame, unless the edit has another source by now.
  place(name, image, { uri, alt, fact, detail, mood }, other) {
    const held = name === "edited" && !other && (this.panel.dragging || this.wire.valuesPending)
    if (!held || !this.stage.pictures[name]) this.stage.set(name, image, alt)
    const thumb = this.find(`.thumb[data-show="${name}"]`)
    const picture = thumb.querySelector("img")
    if (picture.src !== uri) picture.src = uri
    picture.alt = alt
    const line = thumb.querySelector(".fact")
    line.textContent = fact
    line.title = detail ?? fact
    line.className = `fact ${mood ?? ""}`
    if (name === "edited") this.stage.after.setAttribute("aria-label", alt)
  }

  // Announce to screen readers a new source, and what an undo or a redo has changed.
  announce(data, before, op) {
    const way = { undo: "Undone", redo: "Redone" }[op]
    const sliders = new Map(before.sliders.map((s) => [s.name, s]))
    const changed = data.sliders.flatMap(({ name, label, value, locked }) => {
      const was = sliders.get(name) ?? { value, locked }
      const lock = was.locked === locked ? [] : [`${label} ${locked ? "locked" : "free"}`]
      return was.value === value ? lock : [`${label} ${signed(value)}`, ...lock]
    })
    const changes = [...(before.source !== data.source ? [data.subject] : []), ...(way ? changed : [])].join(", ")
    if (changes) this.find(".said").textContent = way ? `${way}: ${changes}` : changes
  }

  words(data) {
    const idle = { undo: !data.undos, redo: !data.redos, reset: !data.sliders.some((s) => s.value !== 0 || s.locked) }
    for (const [op, none] of Object.entries(idle)) this.find(`.${op}`).ariaDisabled = String(none)
    this.readout.show(data, this.told || data.note)
    this.find(".frames").hidden = data.sliders.length === 0
    if (!data.sliders.length && this.stage.shown === "edited") this.show("original")
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const editor = instanceOf(parentElement, () => new Editor(parentElement))
  editor.send = (message) => setStateValue("request", message)
  editor.chooseFace = (face) => setTriggerValue("face", face)
  if (data) editor.update(data)
  return whenGone(parentElement, () => editor.close())
}
