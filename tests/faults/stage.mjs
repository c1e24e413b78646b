// What the fault suite does to a portal and what it looks at: pages, clicks and tool calls, each timed; and what is left of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Browser, field, startStack, until } from '../e2e/harness.mjs';
import { ADA, callApi, executeTool, fetchMails } from '../e2e/steps.mjs';
import { Front, HOST, hasNames, makeCertificates, unshare } from './front.mjs';

const EXECUTE = '/api/v1/execute_tool';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function timed(work) {
    const started = performance.now();
    const answer = await work();
    return { ...answer, ms: Math.round((performance.now() - started) * 10) / 10 };
}

// Gatehouse sees names as its own /etc/hosts and resolver have them, in a mount namespace of its own.
function makeNames(folder) {
    const hosts = path.join(folder, 'hosts');
    const resolver = path.join(folder, 'resolv.conf');
    const known = `127.0.0.1 localhost\n127.0.0.1 ${HOST}\n`;
    writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n'); // where nobody answers
    writeFileSync(hosts, known);
    const mount = `mount --bind '${hosts}' /etc/hosts && mount --bind '${resolver}' /etc/resolv.conf && exec "$0" "$@"`;
    return {
        wrap: hasNames ? [...unshare, 'sh', '-c', mount] : [],
        remember: () => writeFileSync(hosts, known),
        forget: () => writeFileSync(hosts, '127.0.0.1 localhost\n'),
    };
}

export class Stage {
    // Two people: Ada looks at her page and has a service run tools; Grace clicks "Connect".
    static async open() {
        const stage = new Stage();
        try {
            await stage.setUp();
        } catch (error) {
            await stage.close();
            throw error;
        }
        return stage;
    }

    async setUp() {
        this.folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-faults-'));
        const { trusted, contexts } = makeCertificates(path.join(this.folder, 'tls'));
        this.names = makeNames(this.folder);
        this.front = await Front.start(contexts);
        this.stack = await startStack({
            env: { SCALEKIT_ENVIRONMENT_URL: `https://${HOST}:${this.front.port}`, GATEHOUSE_UPSTREAM_CA_FILE: trusted, GATEHOUSE_ACCOUNT_MAX_AGE: '0' },
            wrap: this.names.wrap,
        });
        this.front.target = { host: '127.0.0.1', port: Number(new URL(this.stack.sim).port) };
        await this.stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'ACTIVE' });
        this.token = this.stack.token({ scopes: 'tools:read tools:execute proxy:read' });
        this.calls = [];
        [this.ada, this.grace] = [new Browser(), new Browser()];
        await this.ada.signIn(this.stack, 'ada');
        await this.grace.signIn(this.stack, 'grace');
        this.csrf = field((await this.grace.request(`${this.stack.url}/connectors/slack`)).text, 'csrf');
        await this.becomeNormal();
    }

    async close() {
        await this.stack?.stop();
        await this.front?.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }

    async look() {
        const page = await timed(() => this.ada.request(`${this.stack.url}/`));
        return { ...page, isStale: /class="stale"/.test(page.text), shows: /Gmail/.test(page.text) && /status-connected/.test(page.text) };
    }

    click() {
        return timed(() => this.grace.request(`${this.stack.url}/connectors/slack/connect`, { form: { csrf: this.csrf } }));
    }

    async call() {
        const marker = randomUUID();
        const answer = await timed(() => executeTool(this.stack, this.token, { ...fetchMails, params: { ...fetchMails.params, marker } }));
        this.calls.push({ marker, ...answer });
        return answer;
    }

    // A REST call to the app, passed through.
    passThrough() {
        return timed(() => callApi(this.stack, '/proxy/gmail/v1/users/me/messages', { token: this.token, user: ADA, headers: { 'connection-name': 'gmail' } }));
    }

    // Everything works again, for everybody; how long that took.
    async becomeNormal() {
        const started = performance.now();
        await Promise.all([
            until('tools running', async () => (await this.call()).status === 200, 30000),
            until('connecting', async () => (await this.click()).status === 303, 30000),
            until('a page that is up to date', async () => { const page = await this.look(); return page.status === 200 && !page.isStale; }, 30000),
        ]);
        return performance.now() - started;
    }

    // What became of each call, from three sides: the caller's answer, the trail, and what the simulator saw.
    async findLosses() {
        const lost = [];
        const seen = new Map();
        for (const { path: where, method, body } of await this.stack.simLog()) {
            if (where !== EXECUTE || method !== 'POST') continue;
            const { marker } = JSON.parse(body).params;
            seen.set(marker, (seen.get(marker) ?? 0) + 1);
        }
        const outcomes = new Map(this.stack.sql('SELECT request_id, outcome FROM tool_call').map((row) => [row.request_id, row.outcome]));
        const expected = { 200: 'ok', 502: 'outcome_unknown', 503: 'unavailable', 504: 'timeout' };
        for (const { marker, status, headers } of this.calls) {
            const times = seen.get(marker) ?? 0;
            const outcome = outcomes.get(headers.get('x-request-id'));
            if (times > 1 || (status === 200 && times !== 1)) lost.push(`ran ${times} times, answered ${status}`);
            if (outcome !== expected[status]) lost.push(`answered ${status}, on record as ${outcome}`);
        }
        const [row] = this.stack.sql("SELECT status FROM connected_account JOIN user ON user.id = user_id WHERE identifier = 'ada@example.com' AND connection_name = 'gmail'");
        if (row?.status !== 'ACTIVE') lost.push(`Ada's account is on record as ${row?.status}`);
        return lost;
    }

    // One fault from its beginning to its end. `during` may do more to the portal while it lasts.
    async suffer(name, { begin, end, calls = 6, clicks = 2, answers = [503] }) {
        this.calls = [];
        await fetch(`${this.stack.sim}/sim/log`, { method: 'DELETE' });
        await begin();
        const { pid } = this.stack.programs.gatehouse;
        const pages = [];
        let isOver = false;
        const viewing = (async () => {
            while (!isOver) {
                pages.push(await this.look());
                await sleep(40);
            }
        })();
        const repeat = (count, work) => Promise.all(Array.from({ length: count }, work));
        // Each kind of work until it pauses, and once more.
        const [[first, paused, passed], [clicked, pausedClick]] = await Promise.all([
            repeat(calls, () => this.call()).then(async (answers) => [answers, await this.call(), await this.passThrough()]),
            repeat(clicks, () => this.click()).then(async (answers) => [answers, await this.click()]),
        ]);
        await sleep(300); // a few pages more
        isOver = true;
        await viewing;
        await end();
        const normalMs = await this.becomeNormal();
        const lost = await this.findLosses();
        // As Gatehouse measured them; what nginx and this program add when the machine is busy is not its time.
        const times = new Map(this.stack.requests().map((line) => [line.request_id, Number(line.ms)]));
        for (const page of pages) page.ms = times.get(page.headers.get('x-request-id'));
        return {
            name, pages, first, clicked, paused, passed, pausedClick, normalMs, lost, answers,
            isSameProcess: this.stack.programs.gatehouse.pid === pid && !this.stack.programs.gatehouse.exit,
        };
    }
}

// What every fault must leave intact, whatever it is.
export function checkStory(story, { pausesTools = true, pausesClicks = true } = {}) {
    const { pages, first, clicked, paused, passed, pausedClick } = story;
    assert.deepEqual(new Set(pages.map(({ status }) => status)), new Set([200]), 'each page was shown');
    assert.ok(pages.every(({ shows }) => shows), 'and showed what is on record');
    assert.ok(pages.at(-1).isStale, 'and said at last that it may be old');
    assert.ok(median(pages.map(({ ms }) => ms)) < 50, `half of the pages took more than ${median(pages.map(({ ms }) => ms))} ms`);
    for (const answer of first) {
        assert.ok(story.answers.includes(answer.status), `a tool call was answered ${answer.status}: ${answer.text}`);
        if (answer.status !== 200) assert.equal(answer.json.source, 'scalekit');
    }
    for (const answer of clicked) {
        assert.equal(answer.status, 503);
        assert.match(answer.text, /try again in a moment/i);
        assert.ok(answer.ms < 15000, `a click hung for ${answer.ms} ms`);
    }
    if (pausesTools) {
        for (const answer of [paused, passed]) { // a tool, and a REST call to the app
            assert.equal(answer.status, 503, answer.text);
            assert.equal(answer.json.source, 'scalekit');
            assert.match(answer.json.type, /upstream-unavailable$/);
            assert.ok(Number(answer.headers.get('retry-after')) >= 1, 'no Retry-After');
            assert.ok(answer.ms < 1000, `it took ${answer.ms} ms to refuse a call`);
        }
    }
    if (pausesClicks) {
        assert.equal(pausedClick.status, 503);
        assert.match(pausedClick.text, /try again in a moment/i);
        assert.ok(pausedClick.ms < 1000, `it took ${pausedClick.ms} ms to say "try again"`);
    }
    assert.ok(story.normalMs < 25000);
    assert.deepEqual(story.lost, []);
    assert.ok(story.isSameProcess, 'it was restarted');
}

export function tellStories(stories) {
    const ms = (value) => (value < 100 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`);
    const statuses = (answers) => [...new Set(answers.map(({ status }) => status))].join('/');
    const slowest = (answers) => ms(Math.max(...answers.map((answer) => answer.ms)));
    const rows = [['fault', 'user: page (median, notice)', 'user: connect, then', 'caller: calls, then', 'normal after', 'lost']];
    for (const story of stories) {
        rows.push([
            story.name,
            `${statuses(story.pages)} in ${ms(median(story.pages.map((page) => page.ms)))}, notice ${story.pages.at(-1).isStale ? 'yes' : 'no'}`,
            `${statuses(story.clicked)} in ${slowest(story.clicked)}, ${story.pausedClick.status} in ${ms(story.pausedClick.ms)}`,
            `${statuses(story.first)} in ${slowest(story.first)}, ${story.paused.status} in ${ms(story.paused.ms)}`,
            ms(story.normalMs),
            story.lost.length === 0 ? 'nothing' : story.lost.join('; '),
        ]);
    }
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    return rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`).join('\n');
}
