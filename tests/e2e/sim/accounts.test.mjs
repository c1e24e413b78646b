import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Simulator } from './simulator.mjs';

const accounts = '/api/v1/connected_accounts';
const verifyUrl = 'http://127.0.0.1:9/connect/callback';
let sim;

before(async () => { sim = await Simulator.start('--connections', '75'); await sim.authorize(); });
beforeEach(() => sim.control('POST', 'reset'));
after(async () => assert.equal(await sim.stop(), 0));

test('API calls need a token that is known', async () => {
  const bare = await sim.fetch(accounts);
  assert.equal(bare.status, 401);
  assert.equal((await bare.json()).code, 16);
  const wrong = await sim.fetch(accounts, { headers: { authorization: 'Bearer nonsense' } });
  assert.equal(wrong.status, 401);
});

test('client credentials: by form, by header, and wrong', async () => {
  const basic = Buffer.from('skc_simulator:simulator-secret').toString('base64');
  const good = await sim.form('/oauth/token', { grant_type: 'client_credentials' },
    { authorization: `Basic ${basic}` });
  assert.equal(good.status, 200);
  assert.equal((await good.json()).token_type, 'Bearer');
  const bad = await sim.form('/oauth/token',
    { grant_type: 'client_credentials', client_id: 'skc_simulator', client_secret: 'no' });
  assert.equal(bad.status, 401);
  assert.equal((await bad.json()).error, 'invalid_client');
});

test('expired tokens are refused and can be replaced', async () => {
  await sim.control('POST', 'expire-tokens');
  assert.equal((await sim.call('GET', accounts)).status, 401);
  await sim.authorize();
  assert.equal((await sim.call('GET', accounts)).status, 200);
});

test('the catalogue comes in pages of up to 30', async () => {
  const names = [];
  let token = '';
  do {
    const { body } = await sim.call('GET',
      `/api/v1/connections/app?page_size=30&page_token=${token}`);
    assert.equal(body.total_size, 75);
    names.push(...body.connections.map((connection) => connection.key_id));
    token = body.next_page_token;
  } while (token);
  assert.equal(names.length, 75);
  assert.equal(new Set(names).size, 75);
  assert.ok(names.includes('gmail') && names.includes('slack-prod'));
  const tooMany = await sim.call('GET', '/api/v1/connections/app?page_size=31');
  assert.equal(tooMany.status, 400);
  const badToken = await sim.call('GET', '/api/v1/connections/app?page_token=zz');
  assert.equal(badToken.status, 400);
});

test('accounts: create, list, conflict, disconnect, delete', async () => {
  const request = { connector: 'gmail', identifier: 'u1', connected_account: {} };
  const created = await sim.call('POST', accounts, request);
  assert.equal(created.status, 201);
  assert.equal(created.body.connected_account.status, 'PENDING_AUTH');
  assert.equal((await sim.call('POST', accounts, request)).status, 409);
  const { id } = created.body.connected_account;
  const gone = await sim.call('POST', `${accounts}/${id}:disconnect`, {});
  assert.equal(gone.body.connected_account.status, 'DISCONNECTED');
  const same = await sim.call('POST', `${accounts}/-:disconnect`, { id });
  assert.equal(same.status, 200);
  const listed = await sim.call('GET', `${accounts}?identifier=u1&connection_names=gmail`);
  assert.equal(listed.body.connected_accounts.length, 1);
  assert.deepEqual((await sim.call('POST', `${accounts}:delete`, { id })).body, {});
  assert.equal((await sim.call('POST', `${accounts}:delete`, { id })).status, 404);
  assert.equal((await sim.call('GET', `${accounts}/details?id=${id}`)).body.code, 5);
});

test('lists give 10 rows by default, filters narrow them', async () => {
  for (let i = 0; i < 12; i++) await sim.setAccount('slack', `user-${i}`, 'ACTIVE');
  const first = await sim.call('GET', accounts);
  assert.equal(first.body.connected_accounts.length, 10);
  assert.equal(first.body.total_size, 12);
  const rest = await sim.call('GET', `${accounts}?page_token=${first.body.next_page_token}`);
  assert.equal(rest.body.connected_accounts.length, 2);
  const found = await sim.call('GET', `${accounts}:search?query=USER-1`);
  assert.equal(found.body.total_size, 3);
  assert.equal((await sim.call('GET', `${accounts}?page_size=100`)).status, 400);
});

test('no-auth accounts are active at once; unusable connections are refused', async () => {
  await sim.link({ connector: 'hackernews', identifier: 'u1' });
  assert.equal(await sim.status('hackernews', 'u1'), 'ACTIVE');
  const ask = (connector) => sim.call('POST', `${accounts}/magic_link`, { connector, identifier: 'u' });
  assert.equal((await ask('salesforce')).body.code, 9);
  assert.equal((await ask('jira')).status, 400);
  assert.equal((await ask('nothing')).status, 404);
});

test('verified flow: consent, redirect, mismatch, verify once', async () => {
  const link = await sim.link({ connector: 'gmail', identifier: 'u1', state: 's&1',
    user_verify_url: `${verifyUrl}?a=b` });
  assert.equal(await sim.status('gmail', 'u1'), 'PENDING_AUTH');
  assert.match(await (await sim.fetch(link)).text(), /Connect Gmail.*Allow.*Refuse/s);
  const consented = await sim.form(link, { decision: 'allow', account: 'me@gmail.example' });
  assert.equal(consented.status, 302);
  const target = new URL(consented.headers.get('location'));
  assert.ok(target.href.startsWith(`${verifyUrl}?a=b&auth_request_id=`));
  assert.equal(target.searchParams.get('state'), 's&1');
  assert.equal(await sim.status('gmail', 'u1'), 'PENDING_VERIFICATION');
  assert.equal((await sim.form(link, { decision: 'allow' })).status, 410);

  const auth_request_id = target.searchParams.get('auth_request_id');
  const verify = (identifier) =>
    sim.call('POST', `${accounts}/user/verify`, { auth_request_id, identifier });
  assert.equal((await verify('u2')).status, 403);
  const verified = await verify('u1');
  assert.equal(verified.status, 200);
  assert.ok(verified.body.post_user_verify_redirect_url);
  assert.equal(await sim.status('gmail', 'u1'), 'ACTIVE');
  assert.equal((await verify('u1')).status, 404);
});

test('a refusal goes back with an error', async () => {
  const link = await sim.link({ connector: 'gmail', identifier: 'u1', state: 's',
    user_verify_url: verifyUrl });
  const refused = await sim.form(link, { decision: 'refuse' });
  const target = new URL(refused.headers.get('location'));
  assert.equal(target.searchParams.get('error'), 'access_denied');
  assert.equal(target.searchParams.get('state'), 's');
  assert.equal(await sim.status('gmail', 'u1'), 'PENDING_AUTH');
});

test('without user_verify_url consent activates at once', async () => {
  const link = await sim.link({ connector: 'gmail', identifier: 'u1' });
  assert.equal((await sim.form(link, { decision: 'allow' })).status, 200);
  assert.equal(await sim.status('gmail', 'u1'), 'ACTIVE');
});

test('API-key connections ask for a key and skip the redirect', async () => {
  const link = await sim.link({ connector: 'exa', identifier: 'u1', state: 's',
    user_verify_url: verifyUrl });
  assert.equal((await sim.form(link, { decision: 'allow', credential: '' })).status, 400);
  const done = await sim.form(link, { decision: 'allow', credential: 'k' });
  assert.equal(done.status, 200);
  assert.match(await done.text(), /close this page/);
  assert.equal(await sim.status('exa', 'u1'), 'ACTIVE');
});

test('links expire; unknown ones are 404', async () => {
  const link = await sim.link({ connector: 'gmail', identifier: 'u1' });
  await sim.control('POST', 'expire-links');
  assert.equal((await sim.fetch(link)).status, 410);
  assert.equal((await sim.fetch('/magicLink/unknown')).status, 404);
});

test('pages escape what they show', async () => {
  const link = await sim.link({ connector: 'gmail', identifier: '"><script>@x' });
  const page = await (await sim.fetch(link)).text();
  assert.ok(!page.includes('<script'));
  assert.ok(page.includes('&quot;&gt;&lt;script&gt;@x'));
});

test('bodies are read as strictly as protojson does', async () => {
  const send = (body) => sim.call('POST', `${accounts}/magic_link`, body);
  assert.match((await send({ connector: 'gmail', identifier: 'u', extra: 1 })).body.message,
    /unknown field "extra"/);
  for (const body of ['{', '[]', '"x"', '{"connector":1}', '{"connector":"gmail","connector":"x"}',
    '{"connector":"gm!ail","identifier":"u"}', '{"id":"xx_1"}', '{"id":"ca_1","idd":null}',
    '{"connector":"gmail","identifier":"u","user_verify_url":"javascript:1"}', '\xff',
    JSON.stringify({ connector: 'gmail', identifier: 'x'.repeat(101) })]) {
    const answer = await send(body);
    assert.equal(answer.status, 400, body);
    assert.equal(answer.body.code, 3, body);
  }
  const camel = await send({ connector: 'gmail', identifier: 'u', userVerifyUrl: verifyUrl });
  assert.equal(camel.status, 200);
  assert.equal((await sim.call('GET', `${accounts}?nonsense=1`)).status, 400);
  assert.equal((await sim.call('GET', `${accounts}?identifier=%zz`)).status, 400);
});

test('paths and methods that are not there', async () => {
  assert.equal((await sim.call('GET', '/api/v1/nothing')).body.code, 5);
  assert.equal((await sim.call('DELETE', '/api/v1/execute_tool')).status, 405);
  assert.equal((await sim.call('GET', '/api/v1/connected_accounts/%00')).status, 400);
});
