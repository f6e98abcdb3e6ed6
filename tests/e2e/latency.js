// Measurements for latency.py: times in milliseconds from an event to the frame that shows its result.

(() => {
  const roots = () => [...document.querySelectorAll("*")].map((e) => e.shadowRoot).filter(Boolean)
  const editor = () => roots().find((r) => r.__instance?.wire)?.__instance
  const image = (name) => editor().root.querySelector(`.thumb[data-show=${name}] img`)
  const frame = () => new Promise(requestAnimationFrame)
  const pause = (ms) => new Promise((r) => setTimeout(r, ms))
  const timed = async (act, done) => {
    const start = performance.now()
    act()
    while (!done()) {
      if (performance.now() - start > 20000) throw Error("nothing came within 20 s")
      await frame() // a busy wait would slow down what is measured
    }
    await frame()
    return performance.now() - start
  }

  window.measure = {
    ready: () => Boolean(editor()?.stage.pictures.edited),
    original: () => image("original").src,

    async release(times) {
      const results = []
      const input = editor().root.querySelector("input[data-attribute=Smiling]")
      for (let i = 0; i < times; i += 1) {
        const before = image("edited").src
        results.push(await timed(() => {
          input.value = (i % 2 ? 1 : -1) * (0.3 + 0.05 * i)
          input.dispatchEvent(new Event("input"))
          input.dispatchEvent(new Event("change"))
        }, () => image("edited").src !== before))
        await pause(250)
      }
      return results
    },

    async strips(names) {
      const results = []
      const one = editor()
      for (const name of names) {
        results.push(await timed(() => one.panel.on.focus(name), () => one.stage.strip?.name === name))
        await pause(250)
      }
      return results
    },

    // From the click on a page's name to the frame that shows a button of its last part.
    async page(name, sign) {
      const link = [...document.querySelectorAll("a")].find((a) => a.textContent.trim() === name)
      const there = () => [...document.querySelectorAll("button")].some((b) => b.textContent.includes(sign))
      return timed(() => link.click(), there)
    },

    async scrub(times) {
      const start = performance.now()
      for (let i = 0; i < times; i += 1) {
        editor().stage.scrub(-3 + (6 * i) / times)
        await frame()
      }
      return (times / (performance.now() - start)) * 1000
    },
  }
})()
