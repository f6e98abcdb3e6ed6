// Two clicks on a photo: where the eyes are.

const SAY = ["Click on one eye.", "Now on the other eye.", "Done. Click again to place them anew."]

export default function ({ data, parentElement, setTriggerValue }) {
  const state = instanceOf(parentElement, () => ({ points: [] }))
  const image = parentElement.querySelector("img")
  const marks = parentElement.querySelectorAll(".eye")
  const show = () => {
    parentElement.querySelector(".say").textContent = SAY[state.points.length]
    marks.forEach((mark, index) => {
      const point = state.points[index]
      mark.hidden = !point
      if (point) [mark.style.left, mark.style.top] = point.map((v) => `${v * 100}%`)
    })
  }
  if (!data) return
  if (image.src !== data.uri) {
    image.src = data.uri
    state.points = []
  }
  image.alt = data.alt
  image.onclick = (event) => {
    const box = image.getBoundingClientRect()
    if (state.points.length === 2) state.points = []
    state.points.push([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height])
    show()
    if (state.points.length === 2) setTriggerValue("placed", state.points.flat())
  }
  show()
}
