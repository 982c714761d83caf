export default function About() {
  return <p>A page that the build renders once.</p>;
}
