export default function ({ data }) {
  if (data) putInAddress(data.token)
}
