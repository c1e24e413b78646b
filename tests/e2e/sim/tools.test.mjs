import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Simulator } from './simulator.mjs';

let sim;

before(async () => { sim = await Simulator.start(); await sim.authorize(); });
beforeEach(async () => {
  await sim.control('POST', 'reset');
  await sim.setAccount('gmail', 'u1', 'ACTIVE');
});
after(async () => assert.equal(await sim.stop(), 0));

const execute = (fields) => sim.call('POST', '/api/v1/execute_tool',
  { tool_name: 'gmail_fetch_mails', connector: 'gmail', identifier: 'u1', ...fields });
const proxy = (method, path, init = {}) => sim.fetch(`/proxy${path}`, { method, ...init,
  headers: { authorization: `Bearer ${sim.token}`, connection_name: 'gmail', identifier: 'u1',
    ...init.headers } });

test('tools: the catalogue, what is scoped, what is available', async () => {
  const all = await sim.call('GET', '/api/v1/tools?filter.provider=SLACK&page_size=100');
  assert.ok(all.body.tools.length >= 4);
  assert.ok(all.body.tools.every((tool) => tool.definition.input_schema.type === 'object'));
  const summary = await sim.call('GET', '/api/v1/tools?filter.summary=true&filter.query=mail');
  assert.ok(summary.body.tool_names.includes('gmail_send_email'));

  await sim.setAccount('slack', 'u1', 'EXPIRED');
  const scoped = await sim.call('GET',
    '/api/v1/tools/scoped?identifier=u1&filter.connection_names=gmail&filter.connection_names=slack');
  assert.ok(scoped.body.tools.length >= 4);
  assert.ok(scoped.body.tools.every((entry) => entry.tool.provider === 'GMAIL'));
  const one = await sim.call('GET',
    '/api/v1/tools/scoped?identifier=u1&filter.tool_names=gmail_send_email');
  assert.equal(one.body.total_size, 1);
  assert.equal((await sim.call('GET', '/api/v1/tools/scoped?filter.providers=GMAIL')).status, 400);
  assert.equal((await sim.call('GET', '/api/v1/tools/scoped?identifier=u1')).status, 400);
  const available = await sim.call('GET', '/api/v1/tools/available?identifier=u9&page_size=100');
  assert.ok(available.body.tools.some((tool) => tool.provider === 'SLACK'));
  assert.ok(!available.body.tools.some((tool) => tool.provider === 'SALESFORCE'));
});

test('a tool echoes its parameters and depends on them', async () => {
  const answer = await execute({ params: { max_results: 4, query: 'is:unread', amount: 1.5 } });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.data.messages.length, 4);
  assert.deepEqual(answer.body.data.echo, { max_results: 4, query: 'is:unread', amount: 1.5 });
  assert.match(answer.body.execution_id, /^exec_/);
});

test('a tool that cannot run says why', async () => {
  assert.equal((await execute({ tool_name: 'gmail_nothing' })).status, 404);
  assert.equal((await execute({ tool_name: 'slack_list_channels' })).status, 404);
  assert.equal((await execute({ tool_name: 'gmail_send_email', params: {} })).status, 400);
  assert.equal((await execute({ identifier: 'u2' })).status, 404);
  assert.equal((await execute({ params: [] })).status, 400);
  assert.equal((await execute({ idempotency_key: 'x' })).status, 400);
  await sim.setAccount('gmail', 'u1', 'EXPIRED');
  const expired = await execute({});
  assert.equal(expired.status, 400);
  assert.equal(expired.body.code, 9);
});

test('sim_error is a refusal of the provider', async () => {
  const answer = await execute({ params: { sim_error: 401 } });
  assert.equal(answer.status, 401);
  const [detail] = answer.body.details;
  assert.equal(detail.error_code, 'TOOL_ERROR');
  assert.match(detail.tool_error_info.execution_id, /^exec_/);
});

test('the proxy echoes what the provider would see', async () => {
  const answer = await proxy('PATCH', '/v1/a%2Fb?x=1%202', { body: 'hello', headers: { 'x-mine': 'y' } });
  assert.equal(answer.headers.get('x-provider'), 'GMAIL');
  const echo = await answer.json();
  assert.equal(echo.method, 'PATCH');
  assert.equal(echo.path, '/v1/a%2Fb');
  assert.equal(echo.query, 'x=1%202');
  assert.equal(echo.body, 'hello');
  assert.equal(echo.headers['x-mine'], 'y');
  assert.ok(!('authorization' in echo.headers) && !('connection_name' in echo.headers));
});

test('the proxy streams, fails and sets cookies on demand', async () => {
  const bytes = await (await proxy('GET', '/bytes?n=100000')).arrayBuffer();
  assert.equal(bytes.byteLength, 100000);
  const chunked = await proxy('GET', '/bytes?n=50000&chunked=1');
  assert.equal(chunked.headers.get('content-length'), null);
  assert.equal((await chunked.arrayBuffer()).byteLength, 50000);
  assert.equal((await proxy('GET', '/status/503')).status, 503);
  assert.equal((await proxy('DELETE', '/status/204')).status, 204);
  const events = await (await proxy('GET', '/sse?n=3&interval_ms=20')).text();
  assert.equal(events.match(/^data: /gm).length, 3);
  const cookies = (await proxy('GET', '/set-cookie')).headers.getSetCookie();
  assert.equal(cookies.length, 2);
});

test('the proxy wants an active account on a connector with an API', async () => {
  assert.equal((await proxy('GET', '/x', { headers: { identifier: 'u2' } })).status, 404);
  assert.equal((await proxy('GET', '/x', { headers: { connection_name: '' } })).status, 400);
  await sim.setAccount('linear', 'u1', 'ACTIVE');
  const mcp = await (await proxy('GET', '/x', { headers: { connection_name: 'linear' } })).json();
  assert.equal(mcp.message, 'proxy not enabled for provider');
});

test('faults come as ordered, as often as ordered', async () => {
  const order = (fault) => sim.control('POST', 'faults', { match: '/api/v1/execute_tool', ...fault });
  await order({ status: 429, retry_after: 7, times: 2 });
  const limited = await execute({});
  assert.equal(limited.status, 429);
  assert.equal(limited.headers.get('retry-after'), '7');
  assert.equal(limited.body.details[0].error_code, 'RATE_LIMITED');
  assert.equal((await execute({})).status, 429);
  assert.equal((await execute({})).status, 200);

  for (const kind of ['cut', 'reset', 'rubbish', 'html', 'empty']) {
    await order({ kind });
    await assert.rejects(execute({}).then((answer) => {
      if (answer.body === null) throw new Error('empty');
    }), undefined, kind);
  }
  await order({ kind: 'huge', bytes: 3000000 });
  const huge = await sim.fetch('/api/v1/execute_tool', { method: 'POST' });
  assert.equal((await huge.arrayBuffer()).byteLength, 3000000);
  await assert.rejects(order({ kind: 'nonsense' }));
  assert.equal((await execute({})).status, 200);
});

test('a call can be carried out and its answer lost', async () => {
  await sim.control('POST', 'faults', { match: '/api/v1/connected_accounts:delete', kind: 'reset', after: true });
  await assert.rejects(sim.call('POST', '/api/v1/connected_accounts:delete',
    { connector: 'gmail', identifier: 'u1' }));
  assert.equal(await sim.status('gmail', 'u1'), undefined);
});

test('hanging calls end when faults are cleared', async () => {
  await sim.control('POST', 'faults', { match: '/api/', kind: 'hang', times: -1 });
  const hanging = assert.rejects(execute({}));
  let open;
  do {
    open = (await sim.control('GET', 'log')).requests.filter((entry) => entry.ending === 'open');
  } while (open.length === 0);
  await sim.control('DELETE', 'faults');
  await hanging;
});

test('two thousand slow calls wait side by side', async () => {
  const started = Date.now();
  const calls = Array.from({ length: 2000 }, () => execute({ params: { sim_latency_ms: 1500 } }));
  const answers = await Promise.all(calls);
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.ok(Date.now() - started < 60000); // one after the other: fifty minutes
});

test('the log shows requests and answers, but no secrets', async () => {
  await sim.control('DELETE', 'log');
  await sim.authorize();
  await execute({ params: { query: 'needle' } });
  const { requests } = await sim.control('GET', 'log');
  assert.deepEqual(requests.map((entry) => entry.path), ['/oauth/token', '/api/v1/execute_tool']);
  assert.equal(requests[1].authorization, 'known');
  assert.ok(JSON.parse(requests[1].body).params.query === 'needle');
  assert.equal(requests[1].status, 200);
  const text = JSON.stringify(requests);
  assert.ok(!text.includes('simulator-secret') && !text.includes(sim.token));
});

test('connections can be renamed, switched off and added', async () => {
  await sim.control('POST', 'connections', { name: 'gmail', rename: 'gmail-prod' });
  assert.equal((await execute({ connector: 'gmail-prod' })).status, 200);
  await sim.control('POST', 'connections', { name: 'gmail-prod', enabled: false });
  assert.equal((await execute({ connector: 'gmail-prod' })).status, 400);
  await sim.control('POST', 'connections', { name: 'new-one', provider: 'EXA', type: 'API_KEY' });
  const { body } = await sim.call('GET', '/api/v1/connections/app?query=new-one');
  assert.equal(body.connections[0].provider_key, 'EXA');
});
