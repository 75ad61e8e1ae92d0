// Sends calls as programs in JavaScript do, with fetch, and prints what came back as JSON.
//
// Standard input: as send.php has it, and "stream": true for a body of which nobody says how long it is. fetch keeps its
// connections by itself.
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const job = JSON.parse(Buffer.concat(chunks).toString());
const answers = [];
for (const call of job.calls) {
  const headers = Object.fromEntries(call.headers.map((line) => line.split(/:\s*(.*)/s).slice(0, 2)));
  if (call.user !== null) headers.Authorization = `Basic ${btoa(call.user)}`;
  const sent = { method: call.method, headers, signal: AbortSignal.timeout(60000) };
  if (call.body !== null) sent.body = call.stream ? new Blob([call.body]).stream() : call.body;
  if (call.stream) sent.duplex = "half";
  const response = await fetch(call.url, sent);
  answers.push({ status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() });
}
console.log(JSON.stringify(answers));
