import clsx from "clsx";
import Link from "next/link";

export const dynamic = "force-dynamic";
const greeting = "hello from next";

export default function Page() {
  return (
    <main>
      <h1 className={clsx("title", { loud: true })}>{greeting}</h1>
      <Link href="/about">About</Link>
    </main>
  );
}
