// Webhooks through nginx: from the simulator, signed by the official libraries, forged, lost, and in floods.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { Browser, sendRaw, startStack, until } from './harness.mjs';
import { ADA } from './steps.mjs';

const sanitized = Boolean(process.env.GATE_SANITIZED);

function makeEvent(type, { status, connection = 'gmail', identifier = ADA, id = 'ca_by_hand', at = new Date() } = {}) {
    return JSON.stringify({
        spec_version: '1', id: `evt_${randomUUID()}`, type, object: 'ConnectedAccount', occurred_at: at.toISOString(),
        environment_id: 'env_1',
        data: {
            id, identifier, connection_id: 'conn_1', connection_name: connection, provider: 'GMAIL', authorization_type: 'OAUTH', status,
        },
    });
}

describe('webhooks', () => {
    let stack;
    let ada;
    before(async () => {
        // Nothing but webhooks may bring news.
        stack = await startStack({ webhooks: true, env: { GATEHOUSE_ACCOUNT_MAX_AGE: '86400', GATEHOUSE_SWEEPS_PER_MINUTE: '0' } });
        ada = new Browser();
        await ada.signIn(stack);
    });
    after(() => stack?.stop());

    function sign(body, { secret = stack.webhookSecret, id = `msg_${randomUUID()}`, at = new Date() } = {}) {
        return {
            'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at / 1000)),
            'webhook-signature': new Webhook(secret).sign(id, at, body),
        };
    }
    const post = (body, headers) => fetch(`${stack.url}/webhooks/scalekit`, { method: 'POST', headers, body });
    async function deliver(body, options) {
        const headers = sign(body, options);
        const answer = await post(body, headers);
        assert.equal(answer.status, 200, await answer.text());
        return stack.sql(`SELECT result FROM webhook_delivery WHERE webhook_id = '${headers['webhook-id']}'`)[0].result;
    }
    const account = (connection = 'gmail') => stack.sql(
        `SELECT status, scalekit_id, learned_from FROM connected_account WHERE connection_name = '${connection}'`)[0];
    // Events made up here say what Scalekit does not: a reading that is still to come would undo them.
    const allRead = () => until('nothing left open', () => stack.sql('SELECT count(*) AS n FROM account_recheck')[0].n === 0);

    it('what happens at Scalekit is on the page, without anybody asking', async () => {
        for (const [status, word] of [['ACTIVE', 'Connected'], ['EXPIRED', 'Access ran out'], ['DISCONNECTED', 'Disconnected']]) {
            await stack.simPost('/sim/accounts', { connector: 'slack', identifier: ADA, status });
            await until(`the record being ${status}`, () => account('slack')?.status === status);
            assert.equal(account('slack').learned_from, 'webhook');
            assert.match((await ada.request(`${stack.url}/connectors/slack`)).text, new RegExp(`</span>${word}</h2>`));
        }
        const events = stack.sql("SELECT new_status, source FROM account_event WHERE connection_name = 'slack' ORDER BY id");
        assert.equal(events.at(-1).new_status, 'DISCONNECTED');
        assert.ok(events.every(({ source }) => source === 'webhook'));
    });

    it('takes all nine types as the standardwebhooks package signs them, and others too', async () => {
        const at = Date.now();
        const types = ['created', 'updated', 'status_updated', 'magic_link_generated', 'oauth_tokens_fetched',
            'token_refresh_succeeded', 'token_refresh_failed', 'oauth_succeeded', 'deleted'];
        // Accounts that the last reading did not have are asked about: this one Scalekit has.
        await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'ACTIVE' });
        await until('Gmail on record', () => account()?.status === 'ACTIVE');
        const id = account().scalekit_id;
        await allRead();
        for (const [index, type] of types.entries()) {
            const event = makeEvent(`connected_account.${type}`, { id, status: index % 2 ? 'ACTIVE' : 'EXPIRED', at: new Date(at + 1000 + index) });
            assert.equal(await deliver(event), 'applied', type);
        }
        assert.equal(account(), undefined);
        assert.equal(await deliver(makeEvent('connected_account.invented', { status: 'ACTIVE' })), 'ignored');
        assert.equal(await deliver('{"type":"user.created"}'), 'ignored');
        assert.equal(await deliver(makeEvent('connected_account.updated', { identifier: 'nobody@example.com', status: 'ACTIVE' })), 'unknown_user');
        assert.deepEqual(stack.sql("SELECT id FROM user WHERE identifier = 'nobody@example.com'"), []);
    });

    it('takes any of several secrets, and no other', async () => {
        const next = `whsec_${randomBytes(24).toString('base64')}`;
        const event = makeEvent('user.created');
        assert.equal((await post(event, sign(event, { secret: next }))).status, 401);
        writeFileSync(stack.settings.SCALEKIT_WEBHOOK_SECRET_FILE, `${next} ${stack.webhookSecret}\n`);
        await stack.programs.gatehouse.stop();
        await stack.startGatehouse();
        for (const secret of [next, stack.webhookSecret]) assert.equal(await deliver(event, { secret }), 'ignored');
    });

    it('refuses what does not hold, in one way for all', async () => {
        const event = makeEvent('connected_account.deleted');
        const good = sign(event);
        const without = (name) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
        const wrong = [
            {}, without('webhook-id'), without('webhook-timestamp'), without('webhook-signature'),
            { ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v1,A') },
            { ...good, 'webhook-id': 'msg_other' },
            sign(event, { at: new Date(Date.now() - 320_000) }), sign(event, { at: new Date(Date.now() + 320_000) }),
            sign(`${event} `),
        ];
        const seen = new Set();
        for (const headers of wrong) {
            const answer = await post(event, headers);
            assert.equal(answer.status, 401);
            const { instance, ...said } = await answer.json();
            assert.ok(instance);
            seen.add(JSON.stringify(said));
        }
        assert.equal(seen.size, 1);
        assert.equal((await post(event, good)).status, 200); // the same, unharmed
        assert.equal((await post('x'.repeat(65537), good)).status, 413);
        assert.equal((await fetch(`${stack.url}/webhooks/scalekit`)).status, 405);
        const cut = await sendRaw(stack.url, 'POST /webhooks/scalekit HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}', { end: true });
        assert.ok([0, 400].includes(cut.status));
    });

    it('the same delivery counts once', async () => {
        const event = makeEvent('user.created');
        const headers = sign(event);
        for (let i = 0; i < 3; i++) assert.equal((await post(event, headers)).status, 200);
        assert.equal(stack.sql(`SELECT count(*) AS n FROM webhook_delivery WHERE webhook_id = '${headers['webhook-id']}'`)[0].n, 1);
    });

    it('events at once, in any order and some twice, end in the last one', async () => {
        const { scalekit_id: id } = account('slack');
        await allRead();
        const statuses = ['ACTIVE', 'EXPIRED', 'PENDING_AUTH', 'PENDING_VERIFICATION', 'DISCONNECTED'];
        for (let round = 0; round < 3; round++) {
            const base = Date.now() + 1000 * (round + 1);
            const events = Array.from({ length: 40 }, (_, index) => {
                const body = makeEvent('connected_account.status_updated', {
                    connection: 'slack', id, status: statuses[(index + round) % 5], at: new Date(base + index) });
                return { body, headers: sign(body) };
            });
            const order = [...events, ...events.slice(0, 10)].map((event) => [randomBytes(4).readUInt32LE(), event])
                .sort(([a], [b]) => a - b).map(([, event]) => event);
            const answers = await Promise.all(order.map(({ body, headers }) => post(body, headers)));
            assert.ok(answers.every(({ status }) => status === 200));
            assert.equal(account('slack').status, statuses[(39 + round) % 5]);
        }
        const changes = stack.sql("SELECT old_status, new_status FROM account_event WHERE connection_name = 'slack' ORDER BY id");
        for (const [index, change] of changes.slice(1).entries()) assert.equal(change.old_status, changes[index].new_status);
    });

    it('what was answered with 200 outlives kill -9', async () => {
        const { scalekit_id: id } = account('slack');
        await allRead();
        for (const status of ['EXPIRED', 'ACTIVE', 'EXPIRED']) {
            const event = makeEvent('connected_account.status_updated', { connection: 'slack', id, status, at: new Date(Date.now() + 10_000) });
            assert.equal((await post(event, sign(event))).status, 200);
            await stack.programs.gatehouse.kill('SIGKILL');
            await stack.startGatehouse();
            assert.equal(account('slack').status, status);
        }
        stack.mayCrash = true;
    });

    // wrk sends what it finds in a file; each line is id, timestamp, signature and body.
    async function flood(name, lines, seconds, whileItLasts) {
        const file = path.join(stack.run, `${name}.txt`);
        const script = path.join(stack.run, `${name}.lua`);
        writeFileSync(file, lines.map((line) => `${line.join('\t')}\n`).join(''));
        writeFileSync(script, `
local requests, at = {}, 0
for line in io.lines('${file}') do
    local id, time, signature, body = line:match('([^\\t]*)\\t([^\\t]*)\\t([^\\t]*)\\t(.*)')
    requests[#requests + 1] = wrk.format('POST', '/webhooks/scalekit', { ['host'] = 'localhost', ['webhook-id'] = id, ['webhook-timestamp'] = time,
        ['webhook-signature'] = signature, ['content-type'] = 'application/json' }, body)
end
request = function() at = at % #requests + 1; return requests[at] end
`);
        const child = spawn('wrk', ['-t1', '-c64', `-d${seconds}s`, '-s', script, `${stack.url}/webhooks/scalekit`]);
        const chunks = [];
        child.stdout.on('data', (chunk) => chunks.push(chunk));
        const ended = new Promise((resolve) => child.once('exit', resolve));
        await new Promise((resolve) => setTimeout(resolve, 300));
        await whileItLasts();
        assert.equal(child.exitCode, null, 'the flood ended before the measurement did');
        child.kill('SIGINT');
        await ended;
        return Number(/(\d+) requests in/.exec(Buffer.concat(chunks).toString())[1]);
    }

    async function measurePages(count) {
        const times = [];
        for (let i = 0; i < count; i++) {
            const start = performance.now();
            const page = await ada.request(`${stack.url}/`);
            times.push(performance.now() - start);
            assert.equal(page.status, 200);
        }
        return times.sort((a, b) => a - b)[Math.floor(count / 2)];
    }

    it('a flood of forged or valid deliveries leaves the pages fast', async (t) => {
        const count = sanitized ? 300 : 2000;
        const body = (index) => makeEvent('connected_account.updated', {
            connection: 'slack', id: account('slack').scalekit_id, status: index % 2 ? 'ACTIVE' : 'EXPIRED', at: new Date(Date.now() + 60_000) });
        const bodies = [body(0), body(1)];
        const signed = Array.from({ length: count }, (_, index) => {
            const text = bodies[index % 2];
            const headers = sign(text, { id: `msg_flood_${index}` });
            return [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature'], text];
        });
        const forged = signed.map(([id, time, signature, text]) => [`${id}x`, time, signature, text]);
        await measurePages(20);
        const quiet = await measurePages(60);
        for (const [name, lines] of [['forged', forged], ['valid', signed]]) {
            let during;
            const sent = await flood(name, lines, 20, async () => { during = await measurePages(60); });
            const forgeries = stack.sql("SELECT count(*) AS n FROM webhook_delivery WHERE webhook_id LIKE 'msg_flood_%x'")[0].n;
            t.diagnostic(`${name}: ${sent} deliveries, a page took ${during.toFixed(1)} ms beside ${quiet.toFixed(1)} ms`);
            assert.equal(forgeries, 0);
            assert.ok(sent > 100, `${sent} deliveries are no flood`);
            // Generous: the flood and nginx take most of the machine. A page that waited for them would take seconds.
            assert.ok(during < 30 * Math.max(quiet, 5), `${during} ms beside ${quiet} ms`);
        }
        const rows = stack.sql("SELECT count(*) AS n FROM webhook_delivery WHERE webhook_id LIKE 'msg_flood_%'")[0].n;
        assert.ok(rows > 0 && rows <= count, `${rows} rows`);
        const statuses = new Set(stack.requests().filter(({ route }) => route === '/webhooks/scalekit').map(({ status }) => status));
        for (const status of statuses) assert.ok(['200', '401', '413', '503', '400', '405'].includes(status), status);
    });
});
