// Where the eyes are: two clicks on a photo, or a cross that the arrow keys move and the Enter key sets down.

const SAY = [
  "Click on one eye, or move a cross there with the arrow keys (Shift: finely) and press Enter.",
  "Now the other eye.",
  "Done. Click or press Enter again to place them anew.",
]
const STEP = 0.02
const FINE = 0.004
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

const percent = ([x, y]) => `${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`
const put = (mark, point) => {
  mark.hidden = !point
  if (point) [mark.style.left, mark.style.top] = point.map((v) => `${v * 100}%`)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = instanceOf(parentElement, () => ({ points: [], cross: null }))
  const photo = parentElement.querySelector(".photo")
  const image = parentElement.querySelector("img")
  const marks = parentElement.querySelectorAll(".eye")
  const show = () => {
    parentElement.querySelector(".say").textContent = SAY[state.points.length]
    marks.forEach((mark, index) => put(mark, state.points[index]))
    put(parentElement.querySelector(".cross"), state.cross)
    photo.setAttribute("aria-label", `${image.alt}${state.cross ? `: the cross is ${percent(state.cross)}` : ""}`)
  }
  if (!data) return
  if (image.getAttribute("src") !== data.uri) {
    image.src = data.uri
    state.points = []
    state.cross = null
  }
  image.alt = data.alt
  photo.onkeydown = (event) => {
    const way = WAYS[event.key]
    if (!way) return
    event.preventDefault()
    event.stopPropagation()
    const step = event.shiftKey ? FINE : STEP
    const from = state.cross ?? [0.5, 0.5]
    state.cross = from.map((v, i) => Math.min(1, Math.max(0, v + step * way[i])))
    show()
  }
  photo.onclick = (event) => {
    const box = image.getBoundingClientRect()
    const keyboard = event.detail === 0 // a button is also clicked by Enter, Space, and readers of the screen
    if (keyboard && !state.cross) state.cross = [0.5, 0.5]
    else {
      const pointed = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
      if (state.points.length === 2) state.points = []
      state.points.push(keyboard ? [...state.cross] : pointed)
      if (!keyboard) state.cross = null
      if (state.points.length === 2) setTriggerValue("placed", state.points.flat())
    }
    show()
  }
  show()
}
