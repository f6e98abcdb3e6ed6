// The editor's messages: of several waiting for the same thing only the newest, and strips behind every change.

// A strip of one slider stays true while only that slider moves.
function keepsStrip(message, name) {
  return message.op === "strip" || (message.op === "set" && message.name === name)
}

class EditWire extends Wire {
  // A slider's newest value replaces the older one that still waits and that it goes on from, and tells since when: the
  // hand has not rested between them. Not where something comes between that is a step by itself, as an undo, which has
  // to find the step it is meant for. A strip waits behind every change, and is given up when a change makes it worthless.
  queue(message) {
    const isStrip = message.op === "strip"
    const asked = this.waiting.filter((m) => m.op !== "strip")
    const begun = asked.findLastIndex((m) => !m.joins)
    const same = (m, index) => index >= begun && message.joins && m.op === "set" && m.name === message.name
    const replaced = asked.find(same)
    const change = replaced ? { ...message, since: replaced.since, joins: replaced.joins } : message
    const changes = asked.filter((m, index) => !same(m, index))
    const strips = isStrip ? [message] : this.waiting.filter((m) => m.op === "strip" && keepsStrip(message, m.name))
    return isStrip ? [...changes, ...strips] : [...changes, change, ...strips]
  }

  get pending() {
    return [this.inFlight, ...this.waiting].filter((m) => m && m.op !== "strip")
  }

  get changesPending() {
    return this.pending.length > 0
  }

  get valuesPending() {
    return this.pending.some((m) => m.op === "set")
  }

  // Whether there is a step for an undo or a redo, after all that is on its way: those that the data tells of, and theirs.
  // With nothing on its way the server is asked, for what a hand did elsewhere on the page may be in no data yet.
  leadsOn({ op }, { undos, redos }) {
    const steps = { undo: undos, redo: redos }
    const back = { undo: "redo", redo: "undo" }
    if (!back[op]) return true
    for (const m of this.pending) {
      if (!back[m.op]) { steps.undo += 1; steps.redo = 0 }
      else if (steps[m.op]) { steps[m.op] -= 1; steps[back[m.op]] += 1 }
    }
    return steps[op] > 0 || !this.changesPending
  }

  allows(stripName) {
    return [this.inFlight, ...this.waiting].every((m) => !m || keepsStrip(m, stripName))
  }
}
