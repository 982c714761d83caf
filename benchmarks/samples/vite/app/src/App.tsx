import clsx from "clsx";
import { useState } from "react";

const greeting = "hello from vite";

export function App() {
  const [count, setCount] = useState(0);
  return (
    <button className={clsx("count", { busy: count > 0 })} onClick={() => setCount(count + 1)}>
      {greeting}: {count}
    </button>
  );
}
