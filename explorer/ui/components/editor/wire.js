// Messages to the server: one in flight, of several waiting for the same thing only the newest.

// A strip of one slider stays true while only that slider moves.
function keepsStrip(message, name) {
  return message.op === "strip" || (message.op === "set" && message.name === name)
}

class Wire {
  constructor(send, onBusy) {
    this.send = send
    this.onBusy = onBusy
    this.nonce = Math.random().toString(36).slice(2)
    this.sequence = 0
    this.waiting = []
    this.inFlight = null
  }

  // A slider's newest value replaces an older one that still waits. A strip waits behind every change, and is given up
  // when a change makes it worthless.
  post(message) {
    const isStrip = message.op === "strip"
    const same = (m) => m.op === message.op && (isStrip || (message.op === "set" && m.name === message.name))
    const changes = this.waiting.filter((m) => m.op !== "strip" && !same(m))
    const strips = isStrip ? [message] : this.waiting.filter((m) => m.op === "strip" && keepsStrip(message, m.name))
    this.waiting = isStrip ? [...changes, ...strips] : [...changes, message, ...strips]
    this.next()
  }

  next() {
    if (this.inFlight || !this.waiting.length) return
    const message = this.waiting.shift()
    this.sequence += 1
    this.inFlight = { ...message, nonce: this.nonce, seq: this.sequence }
    this.busyTimer = setTimeout(() => this.onBusy(true), 300)
    // A lost answer (server restarted, page reloaded under us) must not block the sliders for ever.
    this.lostTimer = setTimeout(() => this.done(), 8000)
    this.send(this.inFlight)
  }

  acknowledge(ack) {
    if (this.inFlight && ack && ack.nonce === this.nonce && ack.seq >= this.inFlight.seq) this.done()
  }

  done() {
    clearTimeout(this.busyTimer)
    clearTimeout(this.lostTimer)
    this.onBusy(false)
    this.inFlight = null
    this.next()
  }

  get changesPending() {
    return [this.inFlight, ...this.waiting].some((m) => m && m.op !== "strip")
  }

  allows(stripName) {
    return [this.inFlight, ...this.waiting].every((m) => !m || keepsStrip(m, stripName))
  }
}
