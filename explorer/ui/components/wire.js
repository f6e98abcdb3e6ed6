// Messages to the server, one at a time: the next message is sent when the previous one is acknowledged. Streamlit
// merges messages that arrive while a script runs, and merging can drop one.

const PATIENCE = 8000 // milliseconds to wait for an acknowledgement while the server runs no script
const LONGEST = 40000 // milliseconds to wait while a script runs: a request may queue for the model for 30 s (engines/turns.py)
const BUSY = 300 // milliseconds after which a wait is shown

class Wire {
  constructor(send, onBusy = () => {}, onLost = () => {}, onStay = () => {}) {
    this.send = send
    this.onBusy = onBusy
    this.onLost = onLost
    this.nonce = Math.random().toString(36).slice(2)
    this.sequence = 0
    this.waiting = []
    this.inFlight = null
    this.departure = new Departure(() => { this.next(); onStay() })
  }

  // After the component is removed nothing is sent.
  close() {
    this.departure.close()
    clearTimeout(this.busyTimer)
    clearTimeout(this.lostTimer)
    this.closed = true
  }

  post(message) {
    this.waiting = this.queue(message)
    this.next()
  }

  // Return the queue with a new message in it. Here each message holds the whole state, so only the newest is kept.
  queue(message) {
    return [message]
  }

  // Return whether the next message is sent although the one in flight has not been acknowledged.
  overtakes() {
    return false
  }

  next() {
    if (!this.waiting.length || this.departure.begun || this.closed) return
    if (this.inFlight && !this.overtakes(this.waiting[0])) return
    const message = this.waiting.shift()
    this.sequence += 1
    this.inFlight = { ...message, nonce: this.nonce, seq: this.sequence }
    clearTimeout(this.busyTimer)
    this.busyTimer = setTimeout(() => this.onBusy(true), BUSY)
    this.dispatch()
  }

  dispatch() {
    this.waited = 0
    this.watch()
    this.send(this.inFlight)
  }

  // While a script runs the answer may still come, and sending the message again would give up its place in the queue;
  // while another page is loading nothing may be sent.
  watch() {
    clearTimeout(this.lostTimer)
    this.lostTimer = setTimeout(() => {
      this.waited += PATIENCE
      if (this.departure.begun || (runState() !== "notRunning" && this.waited < LONGEST)) this.watch()
      else this.lost()
    }, PATIENCE)
  }

  // A message without an acknowledgement is sent once more; its number lets the server ignore a repetition. Then it is
  // given up: a server that was restarted must not block the component for ever.
  lost() {
    if (this.inFlight.again) {
      const { op } = this.inFlight
      this.done()
      this.onLost(op)
      return
    }
    this.inFlight = { ...this.inFlight, again: true }
    this.dispatch()
  }

  acknowledge(ack) {
    if (this.inFlight && ack && ack.nonce === this.nonce && ack.seq >= this.inFlight.seq) this.done()
  }

  done() {
    clearTimeout(this.busyTimer)
    clearTimeout(this.lostTimer)
    this.inFlight = null
    this.onBusy(false)
    this.next()
  }
}
