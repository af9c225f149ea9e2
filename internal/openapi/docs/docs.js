"use strict";
// The page works without this: it adds copying and trying out.

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.closest("figure").querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

document.getElementById("token-form").addEventListener("submit", (event) => event.preventDefault());

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

async function send(form) {
  const output = form.querySelector("output");
  const { url, options } = request(form);
  output.textContent = "…";
  try {
    const response = await fetch(url, options);
    output.textContent = await shown(response);
  } catch (error) {
    output.textContent = String(error);
  }
}

function request(form) {
  const headers = {};
  const query = new URLSearchParams();
  let path = form.dataset.path;
  let body;
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.value === "") continue;
    switch (field.dataset.in) {
      case "path": path = path.replace(`{${field.name}}`, encodeURIComponent(field.value)); break;
      case "query": query.set(field.name, field.value); break;
      case "header": headers[field.name] = field.value; break;
      case "body": body = field.value; headers["Content-Type"] = form.dataset.type; break;
    }
  }
  const search = query.toString();
  return { url: search ? `${path}?${search}` : path, options: { method: form.dataset.method, headers, body, credentials: "omit" } };
}

async function shown(response) {
  const lines = [`${response.status} ${response.statusText}`];
  for (const name of ["etag", "location", "server-timing", "x-request-id", "retry-after"]) {
    const value = response.headers.get(name);
    if (value) lines.push(`${name}: ${value}`);
  }
  const text = await response.text();
  lines.push("", text.startsWith("{") ? JSON.stringify(JSON.parse(text), null, 2) : text);
  return lines.join("\n");
}
