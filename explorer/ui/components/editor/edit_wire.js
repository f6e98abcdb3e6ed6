// The editor's messages: of several waiting for the same thing only the newest, and strips behind every change.

// A strip of one slider stays true while only that slider moves.
function keepsStrip(message, name) {
  return message.op === "strip" || (message.op === "set" && message.name === name)
}

class EditWire extends Wire {
  // A slider's newest value replaces an older one that still waits, unless something else than sliders comes between: an
  // undo has to find the step it is meant for. A strip waits behind every change, and is given up when a change makes it
  // worthless.
  queue(message) {
    const isStrip = message.op === "strip"
    const asked = this.waiting.filter((m) => m.op !== "strip")
    const between = asked.findLastIndex((m) => m.op !== "set")
    const same = (m, index) => index > between && message.op === "set" && m.name === message.name
    const changes = asked.filter((m, index) => !same(m, index))
    const strips = isStrip ? [message] : this.waiting.filter((m) => m.op === "strip" && keepsStrip(message, m.name))
    return isStrip ? [...changes, ...strips] : [...changes, message, ...strips]
  }

  get changesPending() {
    return [this.inFlight, ...this.waiting].some((m) => m && m.op !== "strip")
  }

  allows(stripName) {
    return [this.inFlight, ...this.waiting].every((m) => !m || keepsStrip(m, stripName))
  }
}
