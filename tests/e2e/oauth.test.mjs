// POST /oauth/token through nginx, with clients that are not ours: oauth4webapi and Scalekit's own SDK. And what becomes of
// its bearers when the token behind them does not stay as it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import * as oauth from 'oauth4webapi';
import { sendRaw, startStack } from './harness.mjs';
import { ADA, GRACE, assertGuarded, assertProblem, callApi, executeTool, fetchMails } from './steps.mjs';

const { ScalekitClient } = createRequire(import.meta.url)('@scalekit-sdk/node');
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const IDENTIFIER = 'urn:gatehouse:params:oauth:token-type:identifier';
const FAILURES_PER_MINUTE = 60; // as in src/core/limits.h

describe('the token endpoint', () => {
    let stack;
    const secrets = []; // whatever must be found nowhere afterwards
    before(async () => {
        stack = await startStack();
        for (const identifier of [ADA, GRACE]) await stack.simPost('/sim/accounts', { connector: 'gmail', identifier, status: 'ACTIVE' });
    });
    after(() => stack?.stop());

    // A service token as the operator makes one: { id, secret }.
    function makeClient(...options) {
        const told = stack.ctl('token', 'create', '--service', '--label', 'client', '--users', '*@example.com', '--connections', '*', '--tools', '*', ...options);
        const [id, secret] = told.split('\n');
        assert.match(told, new RegExp(`^SCALEKIT_ENVIRONMENT_URL=${stack.url}\nSCALEKIT_CLIENT_ID=${id}\nSCALEKIT_CLIENT_SECRET=${secret}\n`, 'm'));
        secrets.push(secret);
        return { id, secret };
    }
    const post = (form, { headers = {}, query = '' } = {}) => callApi(stack, `/oauth/token${query}`, {
        method: 'POST',
        body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
    const credentials = ({ id, secret }) => ({ client_id: id, client_secret: secret });
    const exchangeFor = (user) => ({ grant_type: EXCHANGE, subject_token: user, subject_token_type: IDENTIFIER });
    async function bearerOf(client, wish = { grant_type: 'client_credentials' }) {
        const answer = await post({ ...wish, ...credentials(client) });
        assert.equal(answer.status, 200, answer.text);
        secrets.push(answer.json.access_token);
        return answer.json.access_token;
    }
    const isDead = async (bearer) => assertProblem(await callApi(stack, '/api/v1/me', { token: bearer }), 401, 'unauthenticated');
    const set = (client, what) => stack.sql(`UPDATE api_token SET ${what} WHERE public_id = '${client.id}'`, { write: true });
    const run = (bearer, user) => executeTool(stack, bearer, fetchMails, { user });

    it('--quiet prints the token alone, as ever', () => {
        assert.match(stack.ctl('token', 'create', '--service', '--label', 'q', '--users', '*', '--quiet'), /^ghs_[\w-]{43}\n$/);
    });

    it('serves a client by the book: discovery, both ways to authenticate, an exchange, errors', async () => {
        const { id, secret } = makeClient();
        const client = { client_id: id };
        const options = { [oauth.allowInsecureRequests]: true };
        const issuer = new URL(stack.url);
        const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options }));
        assert.ok(server.grant_types_supported.includes(EXCHANGE));
        const ways = [oauth.ClientSecretPost(secret), oauth.ClientSecretBasic(secret)];
        for (const way of ways) {
            const given = await oauth.processClientCredentialsResponse(server, client, await oauth.clientCredentialsGrantRequest(server, client, way, {}, options));
            secrets.push(given.access_token);
            assert.equal(given.expires_in, 3600);
            assert.equal(given.scope, 'tools:read tools:execute');
            // identifier in the body, as Scalekit's own API has it
            const answer = await executeTool(stack, given.access_token, { ...fetchMails, identifier: ADA }, { user: undefined });
            assert.equal(answer.status, 200, answer.text);

            const { grant_type: grantType, ...wish } = exchangeFor(ADA);
            const exchanged = await oauth.processGenericTokenEndpointResponse(server, client,
                await oauth.genericTokenEndpointRequest(server, client, way, grantType, { ...wish, scope: 'tools:execute' }, options));
            secrets.push(exchanged.access_token);
            assert.equal(exchanged.issued_token_type, ACCESS_TOKEN);
            assert.equal(exchanged.scope, 'tools:execute');
            assert.equal((await run(exchanged.access_token)).status, 200);
        }
        const failing = async (way, parameters) => oauth.processClientCredentialsResponse(server, client,
            await oauth.clientCredentialsGrantRequest(server, client, way, parameters, options));
        await assert.rejects(failing(ways[0], { scope: 'everything' }), (error) => error instanceof oauth.ResponseBodyError && error.error === 'invalid_scope');
        await assert.rejects(failing(oauth.ClientSecretBasic('wrong'), {}), (error) => error instanceof oauth.WWWAuthenticateChallengeError
            && error.cause[0].scheme === 'basic');
    });

    it("serves Scalekit's SDK, and its next try after the bearer has ended", async () => {
        const { id, secret } = makeClient();
        const { coreClient } = new ScalekitClient(stack.url, id, secret);
        const me = () => coreClient.connectExec(() => coreClient.axios.get('/api/v1/me'), {});
        const first = await me();
        assert.equal(first.data.token.id, id);
        secrets.push(coreClient.accessToken);
        coreClient.accessToken = 'gha_ended';
        assert.equal((await me()).data.token.id, id);
        secrets.push(coreClient.accessToken);
        const wrong = new ScalekitClient(stack.url, id, 'ghs_wrong').coreClient;
        await assert.rejects(wrong.connectExec(() => wrong.axios.get('/api/v1/me'), {}));
    });

    it('a bearer for one user acts for that user alone', async () => {
        const client = makeClient();
        const bearer = await bearerOf(client, exchangeFor(ADA));
        assert.equal((await callApi(stack, '/api/v1/me', { token: bearer })).json.user.identifier, ADA);
        assert.equal((await run(bearer)).status, 200);
        assert.equal((await run(bearer, ADA)).status, 200);
        const count = (await stack.simLog()).length;
        assert.match(assertProblem(await run(bearer, GRACE), 403, 'forbidden').detail, /acts for one user alone/);
        assertProblem(await callApi(stack, `/api/v1/connections?identifier=${GRACE}`, { token: bearer }), 403, 'forbidden');
        assertProblem(await executeTool(stack, bearer, { ...fetchMails, identifier: GRACE }, { user: undefined }), 403, 'forbidden');
        assert.equal((await stack.simLog()).length, count, 'Scalekit heard of it');
        // Who is not in the rules is not given a bearer for, whether there is such a user or not.
        for (const user of ['ada@elsewhere.example', 'nobody']) {
            const answer = await post({ ...exchangeFor(user), ...credentials(client) });
            assert.deepEqual([answer.status, answer.json.error], [400, 'invalid_request']);
        }
        const looks = await bearerOf(client, { ...exchangeFor(ADA), scope: 'tools:read' });
        assert.equal((await callApi(stack, '/api/v1/connections', { token: looks })).status, 200);
        assert.match(assertProblem(await run(looks), 403, 'forbidden').detail, /scope tools:execute/);
    });

    it('a bearer has no power of its own: it follows its token in everything', async () => {
        const client = makeClient();
        const [bearer, bound] = [await bearerOf(client), await bearerOf(client, exchangeFor(ADA))];
        const both = async (status, pattern) => {
            for (const answer of [await run(bearer, ADA), await run(bound)]) {
                assert.equal(answer.status, status, answer.text);
                if (pattern) assert.match(answer.json.detail, pattern);
            }
        };
        await both(200);
        set(client, "tools = 'gmail_send_*'");
        await both(403, /rule: tools/);
        set(client, "tools = '*', connections = '!gmail *'");
        await both(403, /rule: connections, !gmail/);
        set(client, "connections = '*', identifiers = '* !ada@*'");
        await both(403, /rule: users, !ada@\*/);
        set(client, "identifiers = '*', scopes = 'tools:read'");
        await both(403, /scope tools:execute/);
        set(client, "scopes = 'tools:*'");
        await both(200);
        set(client, 'expires_at = created_at + 1');
        await both(401);
        set(client, 'expires_at = NULL');
        await both(200);
        stack.ctl('user', 'suspend', ADA);
        await both(403, /suspended/);
        stack.ctl('user', 'resume', ADA);
        await both(200);
        stack.ctl('token', 'revoke', client.id);
        await both(401);
        const answer = await post({ grant_type: 'client_credentials', ...credentials(client) });
        assert.deepEqual([answer.status, answer.json.error], [401, 'invalid_client']);
        set(client, 'revoked_at = NULL');
        await both(200);
        const row = stack.sql(`SELECT id FROM api_token WHERE public_id = '${client.id}'`)[0];
        assert.equal(stack.sql(`SELECT count(*) AS n FROM tool_call WHERE token_id = ${row.id} AND outcome = 'ok'`)[0].n, 10);
        stack.sql(`DELETE FROM api_token WHERE id = ${row.id}`, { write: true });
        await both(401);
    });

    it('a rate is one for the token, its bearers and the making of them', async () => {
        const client = makeClient('--rate', '3');
        const [bearer, bound] = [await bearerOf(client), await bearerOf(client, exchangeFor(ADA))];
        const last = await run(bound);
        assert.deepEqual([last.status, last.headers.get('ratelimit-remaining')], [200, '0']);
        for (const token of [client.secret, bearer, bound]) assertProblem(await run(token, ADA), 429, 'too-many-calls');
        const answer = await post({ grant_type: 'client_credentials', ...credentials(client) });
        assert.deepEqual([answer.status, answer.json.error], [429, 'temporarily_unavailable']);
        assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    });

    it('an Idempotency-Key belongs to the token, whichever of the three is shown', async () => {
        const client = makeClient();
        const headers = { 'idempotency-key': randomUUID() };
        const body = { ...fetchMails, params: { query: randomUUID() } };
        const first = await executeTool(stack, client.secret, body, { headers });
        for (const token of [await bearerOf(client), await bearerOf(client, exchangeFor(ADA))]) {
            const again = await executeTool(stack, token, body, { headers });
            assert.equal(again.headers.get('idempotent-replayed'), 'true');
            assert.equal(again.text, first.text);
        }
        const other = await executeTool(stack, await bearerOf(makeClient()), body, { headers });
        assert.equal(other.headers.get('idempotent-replayed'), null);
    });

    it('what does not arrive as it should is told so in the same words', async () => {
        const client = makeClient();
        const good = { grant_type: 'client_credentials', ...credentials(client) };
        const basic = { authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` };
        const cases = [
            [401, 'invalid_client', { grant_type: 'client_credentials' }],
            [401, 'invalid_client', { ...good, client_id: 'tok_none' }],
            [400, 'invalid_request', ''],
            [400, 'invalid_request', good, { headers: basic }],
            [400, 'invalid_request', { grant_type: 'client_credentials' }, { query: `?${new URLSearchParams(credentials(client))}` }],
            [400, 'invalid_request', JSON.stringify(good), { headers: { 'content-type': 'application/json' } }],
            [400, 'invalid_request', `${new URLSearchParams(good)}&grant_type=client_credentials`],
            [413, 'invalid_request', { ...good, padding: 'x'.repeat(20000) }],
            [400, 'unsupported_grant_type', { ...good, grant_type: 'authorization_code', code: 'x' }],
            [400, 'invalid_scope', { ...good, scope: 'tools:read *' }],
            [400, 'invalid_target', { ...exchangeFor(ADA), ...credentials(client), resource: 'https://elsewhere.example' }],
        ];
        for (const [status, error, form, options] of cases) {
            const answer = await post(form, options);
            assert.deepEqual([answer.status, answer.json.error], [status, error], answer.text);
            assertGuarded(answer);
            assert.equal(answer.headers.get('cache-control'), 'no-store');
            assert.equal(answer.headers.has('www-authenticate'), status === 401);
        }
        // nginx's own answer, before Gatehouse hears of it
        const head = ['POST /oauth/token HTTP/1.1', `Host: ${new URL(stack.url).host}`, 'Connection: close', `Content-Length: ${3 * 1024 * 1024}`];
        const refused = await sendRaw(stack.url, `${head.join('\r\n')}\r\n\r\n`);
        assert.deepEqual([refused.status, JSON.parse(refused.text).error], [413, 'invalid_request']);
        const personal = stack.ctl('token', 'create', '--personal', ADA, '--label', 'own').split('\n');
        secrets.push(personal[1]);
        assert.equal((await post({ grant_type: 'client_credentials', client_id: personal[0], client_secret: personal[1] })).json.error, 'unauthorized_client');
    });

    it('strangers who hammer it are told to wait, leave nothing behind, and are in nobody\'s way', async () => {
        const client = makeClient();
        const rows = () => stack.sql(`SELECT ${['user', 'session', 'api_token', 'tool_call', 'idempotency']
            .map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`).join()}`);
        const before = rows();
        const counts = {};
        for (let at = 0; at < FAILURES_PER_MINUTE * 2; at++) {
            // The client's own id, from the address that the client comes from as well.
            const { status, headers } = await post({ grant_type: 'client_credentials', client_id: client.id, client_secret: `ghs_${at}` });
            counts[status] = (counts[status] ?? 0) + 1;
            if (status === 429) assert.ok(Number(headers.get('retry-after')) >= 1);
            if (at % 10 === 0) await bearerOf(client);
        }
        assert.deepEqual(Object.keys(counts), ['401', '429']);
        await bearerOf(client);
        await bearerOf(client, exchangeFor('never-seen@example.com'));
        assert.deepEqual(rows(), before);
    });

    it('outlives a restart, but not another GATEHOUSE_SECRET; and no secret is found anywhere', async () => {
        const client = makeClient();
        const bearer = await bearerOf(client, exchangeFor(ADA));
        const restart = async () => {
            assert.equal((await stack.programs.gatehouse.kill('SIGTERM')).code, 0);
            const answer = await post({ grant_type: 'client_credentials', ...credentials(client) });
            assert.deepEqual([answer.status, answer.json.error], [502, 'temporarily_unavailable']);
            await stack.startGatehouse();
        };
        await restart();
        assert.equal((await run(bearer)).status, 200);
        writeFileSync(stack.settings.GATEHOUSE_SECRET_FILE, randomBytes(32).toString('base64url'));
        await restart();
        await isDead(bearer);
        assert.equal((await run(await bearerOf(client, exchangeFor(ADA)))).status, 200);

        // Neither in the database, nor in a log, nor in what nginx noted.
        assert.ok(secrets.length > 20);
        const found = spawnSync('grep', ['-rlaF', '-f', '-', stack.run], { input: secrets.join('\n'), encoding: 'utf8' });
        assert.equal(found.status, 1, found.stdout);
    });
});
