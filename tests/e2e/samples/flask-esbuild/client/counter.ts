const button = document.querySelector<HTMLButtonElement>("#counter")!;
let count: number = 0;
button.onclick = () => (button.textContent = `clicked ${++count} times`);
