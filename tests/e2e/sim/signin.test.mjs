import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { makePkce, Simulator } from './simulator.mjs';

const callback = 'http://127.0.0.1:9/signin/callback';
let sim;

before(async () => { sim = await Simulator.start('--redirect-uri', callback); });
after(async () => assert.equal(await sim.stop(), 0));

const authorizeUrl = (fields) => `/oauth/authorize?${new URLSearchParams({ response_type: 'code',
  client_id: 'skc_simulator', redirect_uri: callback, scope: 'openid email profile', state: 'st',
  nonce: 'no', code_challenge_method: 'S256', ...fields })}`;
const exchange = (code, verifier, fields = {}) => sim.form('/oauth/token', {
  grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: callback,
  client_id: 'skc_simulator', client_secret: 'simulator-secret', ...fields });

async function approve(challenge, fields = {}) {
  const answer = await sim.fetch(authorizeUrl({ code_challenge: challenge, sim_person: 'ada', ...fields }));
  assert.equal(answer.status, 302);
  return new URL(answer.headers.get('location')).searchParams;
}

async function readIdToken(token) {
  const [head, payload, signature] = token.split('.');
  const { keys } = await (await sim.fetch('/keys')).json();
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const jwk = keys.find((key) => key.kid === kid);
  assert.ok(verify('RSA-SHA256', Buffer.from(`${head}.${payload}`),
    createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url')));
  return JSON.parse(Buffer.from(payload, 'base64url'));
}

test('sign in: code, token, claims, userinfo; a code works once', async () => {
  const { verifier, challenge } = makePkce();
  const params = await approve(challenge);
  assert.equal(params.get('state'), 'st');
  const answer = await exchange(params.get('code'), verifier);
  assert.equal(answer.status, 200);
  const tokens = await answer.json();
  const claims = await readIdToken(tokens.id_token);
  assert.equal(claims.iss, sim.url);
  assert.deepEqual([claims.email, claims.name, claims.nonce], ['ada@example.com', 'Ada Lovelace', 'no']);
  assert.ok([claims.aud].flat().includes('skc_simulator') && claims.exp > claims.iat && claims.sid && claims.oid);
  const info = await sim.fetch('/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal((await info.json()).sub, claims.sub);
  const again = await exchange(params.get('code'), verifier);
  assert.equal((await again.json()).error, 'invalid_grant');
  const api = await sim.fetch('/api/v1/tools', { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(api.status, 401);
});

test('the verifier, the redirect_uri and the client are checked', async () => {
  const { verifier, challenge } = makePkce();
  const code = async () => (await approve(challenge)).get('code');
  assert.equal((await exchange(await code(), 'wrong')).status, 400);
  assert.equal((await exchange(await code(), verifier, { redirect_uri: `${callback}x` })).status, 400);
  assert.equal((await exchange(await code(), verifier, { client_secret: 'x' })).status, 401);
  assert.equal((await exchange('unknown', verifier)).status, 400);
});

test('the page offers two people and a way out', async () => {
  const { challenge } = makePkce();
  const page = await (await sim.fetch(authorizeUrl({ code_challenge: challenge, state: '"><b>' }))).text();
  assert.match(page, /Ada Lovelace.*Grace Hopper.*Cancel/s);
  assert.ok(!page.includes('<b>'));
  const cancelled = await approve(challenge, { sim_person: 'cancel' });
  assert.equal(cancelled.get('error'), 'access_denied');
  assert.equal(cancelled.get('state'), 'st');
  const silent = await approve(challenge, { sim_person: '', prompt: 'none' });
  assert.equal(silent.get('error'), 'login_required');
});

test('nothing is redirected to unregistered places', async () => {
  const other = await sim.fetch(authorizeUrl({ redirect_uri: 'http://127.0.0.1:9/other' }));
  assert.equal(other.status, 400);
  const client = await sim.fetch(authorizeUrl({ client_id: 'other' }));
  assert.equal(client.status, 400);
});

test('keys can be rotated; new tokens have the new one', async () => {
  const { verifier, challenge } = makePkce();
  await sim.control('POST', 'rotate-keys');
  const tokens = await (await exchange((await approve(challenge)).get('code'), verifier)).json();
  assert.equal((await readIdToken(tokens.id_token)).email, 'ada@example.com');
  const { keys } = await (await sim.fetch('/keys')).json();
  assert.equal(keys.length, 2);

  const logout = (fields) => sim.fetch(`/oidc/logout?${new URLSearchParams(fields)}`);
  const out = await logout({ id_token_hint: tokens.id_token,
    post_logout_redirect_uri: 'http://127.0.0.1:9/bye', state: 's' });
  assert.equal(out.headers.get('location'), 'http://127.0.0.1:9/bye?state=s');
  const forged = `${tokens.id_token.slice(0, -8)}AAAAAAAA`;
  assert.equal((await logout({ id_token_hint: forged })).status, 400);
  assert.equal((await logout({ id_token_hint: tokens.id_token,
    post_logout_redirect_uri: 'https://evil.example/' })).status, 400);
});
