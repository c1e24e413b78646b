import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { Webhook } from 'standardwebhooks';
import { Simulator } from './simulator.mjs';

const key = Buffer.from('0123456789abcdef0123456789abcdef');
const deliveries = [];
let refusals = 0;
let arrived = () => {};
let folder;
let receiver;
let sim;

before(async () => {
  receiver = createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      deliveries.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      answer.writeHead(refusals-- > 0 ? 503 : 204).end();
      arrived();
    });
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  folder = mkdtempSync(path.join(tmpdir(), 'scalekit-sim-'));
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, `whsec_${key.toString('base64')}\n`, { mode: 0o600 });
  sim = await Simulator.start('--webhook-url', `http://127.0.0.1:${receiver.address().port}/hook`,
    '--webhook-secret-file', secret);
});

after(async () => {
  assert.equal(await sim.stop(), 0);
  receiver.closeAllConnections();
  receiver.close();
  rmSync(folder, { recursive: true });
});

async function waitFor(count) {
  while (deliveries.length < count) await new Promise((resolve) => { arrived = resolve; });
}

test('changes are announced, in order and signed', async () => {
  await sim.setAccount('gmail', 'u1', 'ACTIVE');
  await waitFor(2);
  const events = deliveries.map(({ body }) => JSON.parse(body));
  assert.deepEqual(events.map((event) => event.type),
    ['connected_account.created', 'connected_account.status_updated']);
  assert.deepEqual([events[1].data.old_status, events[1].data.status], ['PENDING_AUTH', 'ACTIVE']);
  assert.ok(events[0].occurred_at <= events[1].occurred_at);
  for (const { headers, body } of deliveries) {
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const mac = createHmac('sha256', key).update(text).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${mac}`);
  }
});

test('a refused delivery is sent again under the same id', async () => {
  deliveries.length = 0;
  refusals = 1;
  await sim.setAccount('gmail', 'u1', 'EXPIRED');
  await waitFor(2);
  assert.equal(deliveries[0].headers['webhook-id'], deliveries[1].headers['webhook-id']);
});

test('the official libraries accept what is signed, and nothing else', async () => {
  deliveries.length = 0;
  await sim.setAccount('gmail', 'u2', 'ACTIVE');
  await waitFor(2);
  const secret = `whsec_${key.toString('base64')}`;
  const client = new ScalekitClient(sim.url, 'skc_simulator', 'simulator-secret');
  for (const { headers, body } of deliveries) {
    assert.equal(client.verifyWebhookPayload(secret, headers, body), true);
    assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
    assert.throws(() => client.verifyWebhookPayload(secret, headers, `${body} `));
    assert.throws(() => new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`).verify(body, headers));
  }
});
