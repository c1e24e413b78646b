// What services of the operator's are told when people's accounts change: signed, in order, at least once.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { Browser, startStack, until } from './harness.mjs';
import { ADA, connect, disconnect } from './steps.mjs';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

// Receivers at /one … on one port; `behave[path]` answers: a status, 'hang', or a redirect's location.
class Receivers {
    constructor() {
        this.behave = {};
        this.got = [];
        this.open = new Set();
    }

    async start() {
        this.server = http.createServer(async (request, response) => {
            const chunks = [];
            for await (const chunk of request) chunks.push(chunk);
            const { url: path, headers, method } = request;
            this.got.push({ path, headers, method, body: Buffer.concat(chunks).toString(), at: Date.now() });
            const behaviour = this.behave[path] ?? 204;
            if (behaviour === 'hang') this.open.add(response);
            else if (typeof behaviour === 'string') response.writeHead(302, { location: behaviour }).end();
            else response.writeHead(behaviour, behaviour === 503 ? { 'retry-after': '1' } : {}).end();
        });
        await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
        this.url = `http://127.0.0.1:${this.server.address().port}`;
    }

    at(path) {
        return this.got.filter((request) => request.path === path);
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

describe('notices for services', () => {
    const secrets = [newSecret(), newSecret()];
    const receivers = new Receivers();
    let stack;
    let ada;
    before(async () => {
        await receivers.start();
        const { url } = receivers;
        receivers.behave = { '/down': 503, '/moved': `${url}/elsewhere`, '/gone': 410, '/hung': 'hang' };
        stack = await startStack({
            env: {
                GATEHOUSE_WEBHOOK_URLS: ['/well', '/down', '/moved', '/gone', '/hung'].map((path) => url + path).join(' '),
                GATEHOUSE_WEBHOOK_SECRET: secrets.join(' '),
                GATEHOUSE_WEBHOOK_ALLOW_PRIVATE: 'yes',
                GATEHOUSE_ACCOUNT_MAX_AGE: '0',
            },
        });
        ada = new Browser();
        await ada.signIn(stack);
    });
    after(async () => {
        await stack?.stop();
        await receivers.stop();
    });

    const told = (path) => receivers.at(path).map(({ body }) => JSON.parse(body));
    const list = () => stack.ctl('webhooks', 'list');
    const lineOf = (path) => list().split('\n').find((line) => line.startsWith(`${receivers.url}${path}\t`));
    const see = () => ada.request(`${stack.url}/`); // which has the accounts read again

    it('tells what became of an account, once each and in order, so that both secrets fit', async () => {
        await connect(ada, stack, 'gmail');
        await until('the first notice', () => receivers.at('/well').length === 1);
        await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'EXPIRED' });
        await until('the second notice', async () => {
            await see();
            return receivers.at('/well').length === 2;
        });
        await connect(ada, stack, 'gmail');
        await disconnect(ada, stack, 'gmail');
        await disconnect(ada, stack, 'gmail', 'remove');
        await until('all notices', () => receivers.at('/well').length === 5);
        const types = told('/well').map(({ type }) => type.replace('connected_account.', ''));
        assert.deepEqual(types, ['activated', 'expired', 'activated', 'disconnected', 'removed']);
        const [first, second] = told('/well');
        assert.equal(first.data.identifier, ADA);
        assert.equal(first.data.connection, 'gmail');
        assert.equal(first.data.status, 'ACTIVE');
        assert.match(first.data.connected_account_id, /^ca_/);
        assert.ok(Math.abs(Date.parse(first.timestamp) - Date.now()) < 120000);
        assert.equal(second.data.previous_status, 'ACTIVE');
        assert.equal(told('/well')[4].data.status, null);
        for (const { body, headers, method } of receivers.at('/well')) {
            assert.equal(method, 'POST');
            assert.equal(headers['content-type'], 'application/json');
            for (const secret of secrets) new Webhook(secret).verify(body, headers);
            assert.throws(() => new Webhook(newSecret()).verify(body, headers));
            assert.throws(() => new Webhook(secrets[0]).verify(body.replace('ada@', 'eve@'), headers));
        }
        const ids = receivers.at('/well').map(({ headers }) => headers['webhook-id']);
        assert.equal(new Set(ids).size, 5);
        assert.match(lineOf('/well'), /\twell\twaiting 0\t/);
        assert.equal(stack.ctl('webhooks', 'retry', `${receivers.url}/well`).trim(), `${receivers.url}/well is well; nothing was changed.`);
    });

    it('keeps what a target cannot take, over kill -9, and tells it later: the same, in order, under the same id', async () => {
        await until('a second attempt', () => receivers.at('/down').length >= 2);
        const attempts = receivers.at('/down');
        assert.equal(new Set(attempts.map(({ headers }) => headers['webhook-id'])).size, 1, 'the oldest first, and nothing past it');
        assert.match(lineOf('/down'), /\tfailing\twaiting 5\t/);
        assert.match(list(), /\/down.*\n\tfailing since .*last: HTTP 503$/m);
        stack.mayCrash = true;
        await stack.programs.gatehouse.kill('SIGKILL');
        await stack.startGatehouse();
        const before = receivers.at('/down').length;
        delete receivers.behave['/down'];
        stack.ctl('webhooks', 'retry', `${receivers.url}/down`);
        await until('everything having arrived', () => lineOf('/down').includes('\twell\twaiting 0\t'));
        const arrived = receivers.at('/down').slice(before);
        assert.deepEqual(arrived.map(({ body }) => body), receivers.at('/well').map(({ body }) => body));
        assert.equal(arrived[0].headers['webhook-id'], attempts[0].headers['webhook-id']);
        new Webhook(secrets[0]).verify(arrived[0].body, arrived[0].headers);
    });

    it('follows no redirect, takes 410 for the last word until resumed, and waits for nobody who hangs', async () => {
        assert.ok(receivers.at('/moved').length >= 1);
        assert.equal(receivers.at('/elsewhere').length, 0);
        assert.match(list(), /\/moved\tfailing.*\n.*redirects are not followed$/m);
        assert.equal(receivers.at('/gone').length, 1);
        assert.match(lineOf('/gone'), /\tdisabled\twaiting 5\t/);
        assert.match(stack.ctl('webhooks', 'retry', `${receivers.url}/gone`), /is disabled/);
        delete receivers.behave['/gone'];
        assert.match(stack.ctl('webhooks', 'resume', `${receivers.url}/gone`), /tried again now; 5 notices wait/);
        await until('what it has missed', () => receivers.at('/gone').length === 6);
        assert.equal(told('/hung').length >= 1, true);
        assert.match(lineOf('/hung'), /waiting 5\t/);
        const { text: metrics } = await stack.operator('/metrics');
        assert.match(metrics, /^gatehouse_notices_total\{result="arrived"\} [1-9]/m);
        assert.match(metrics, /^gatehouse_notices_pending [1-9]/m);
        assert.match(metrics, /^gatehouse_notice_targets_disabled 0$/m);
        const nobody = spawnSync(stack.bin('gatehousectl'), ['webhooks', 'resume', 'https://nobody.example'], { env: stack.environment, encoding: 'utf8' });
        assert.equal(nobody.status, 1);
    });

    it('goes nowhere inside unless allowed, and forgets whoever is not named any more', async () => {
        assert.equal((await stack.programs.gatehouse.stop()).code, 0);
        stack.environment.GATEHOUSE_WEBHOOK_ALLOW_PRIVATE = 'no';
        stack.environment.GATEHOUSE_WEBHOOK_URLS = `${receivers.url}/well`;
        await stack.startGatehouse();
        const before = receivers.got.length;
        await connect(ada, stack, 'gmail');
        await until('a refusal', () => /\/well\tfailing.*\n.*not one of the internet/.test(list()));
        assert.equal(receivers.got.length, before);
        assert.doesNotMatch(list(), /\/down|\/hung|\/moved/);
        assert.equal(stack.runGatehouse({ GATEHOUSE_WEBHOOK_SECRET: undefined }).code, 1);
    });
});
