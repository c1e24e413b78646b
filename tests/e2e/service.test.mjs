// The process itself: stopping, reloading, restarting, and being asked for too much.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Browser, isListening, source, startStack, until } from './harness.mjs';
import { ADA, assertProblem, connect, executeTool, fetchMails } from './steps.mjs';

const EXECUTE = '/api/v1/execute_tool';
const sanitized = process.env.GATE_SANITIZED === '1';

async function startConnected(options) {
    const stack = await startStack(options);
    try {
        const ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        return { stack, ada, token: stack.token() };
    } catch (error) {
        await stack.stop(); // else its programs would keep the test alive
        throw error;
    }
}

const status = (pid, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const executed = async (stack) => (await stack.simLog()).filter((entry) => entry.path === EXECUTE);
const inFlight = (stack, count) => until(`${count} calls at Scalekit`, async () => (await executed(stack)).filter(({ ending }) => ending === 'open').length >= count);

// Many calls at a time, each on a connection of its own: { status: how often }.
function callMany(stack, token, count, body) {
    const agent = new http.Agent({ maxSockets: Infinity });
    const text = JSON.stringify(body);
    const one = () => new Promise((resolve) => {
        const request = http.request(`${stack.url}${EXECUTE}`, {
            agent, method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'gatehouse-user': ADA, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        }, (answer) => {
            answer.resume();
            answer.on('end', () => resolve(answer.statusCode));
        });
        request.on('error', (error) => resolve(error.code));
        request.end(text);
    });
    const counts = {};
    return Promise.all(Array.from({ length: count }, async () => {
        const result = await one();
        counts[result] = (counts[result] ?? 0) + 1;
    })).then(() => {
        agent.destroy();
        return counts;
    });
}

describe('the service', () => {
    it('SIGTERM: what is in flight is answered, then it ends with 0', async () => {
        const { stack, token } = await startConnected();
        try {
            await stack.fault({ match: EXECUTE, latency_ms: 1000 });
            const calls = Array.from({ length: 30 }, () => executeTool(stack, token));
            await inFlight(stack, 30);
            const end = stack.programs.gatehouse.kill('SIGTERM');
            for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200, answer.text);
            assert.deepEqual(await end, { code: 0, signal: null });
            assert.equal(await isListening(stack.settings.GATEHOUSE_SOCKET), false);
            assert.equal(stack.sql("SELECT count(*) AS n FROM tool_call WHERE outcome = 'ok'")[0].n, 30);
            assert.match(stack.programs.gatehouse.text(), /event=stopped/);
        } finally {
            await stack.stop();
        }
    });

    it('SIGTERM: what takes too long is given up after the set time', async () => {
        const { stack, token } = await startConnected({ env: { GATEHOUSE_SHUTDOWN_TIMEOUT: '1' } });
        try {
            await stack.fault({ match: EXECUTE, kind: 'hang', latency_ms: 30000 });
            const call = executeTool(stack, token).catch((error) => ({ status: 0, error }));
            await inFlight(stack, 1);
            const started = Date.now();
            assert.equal((await stack.programs.gatehouse.kill('SIGTERM')).code, 0);
            assert.ok(Date.now() - started < 6000, `${Date.now() - started} ms`);
            assert.ok([0, 502].includes((await call).status));
        } finally {
            await stack.stop();
        }
    });

    it('SIGHUP reads the templates anew; a broken one changes nothing', async () => {
        const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-templates-'));
        cpSync(path.join(source, 'templates'), folder, { recursive: true });
        const stack = await startStack({ env: { GATEHOUSE_TEMPLATES_DIR: folder } });
        const welcome = async () => (await new Browser().request(`${stack.url}/signin`)).text;
        const file = path.join(folder, 'signin.tpl');
        const original = readFileSync(file, 'utf8');
        // As an upgrade does it: the new file takes the old one's place at once.
        const replace = (text) => {
            writeFileSync(`${file}.new`, text);
            renameSync(`${file}.new`, file);
        };
        const told = () => stack.programs.gatehouse.text().match(/event=templates_\w+/g)?.length ?? 0;
        const reload = async () => {
            const count = told();
            stack.programs.gatehouse.child.kill('SIGHUP');
            await until('word about the templates', () => told() > count);
        };
        try {
            replace(original.replace('Sign in', 'Sign in right here'));
            assert.doesNotMatch(await welcome(), /right here/, 'not before it is told to');
            await reload();
            assert.match(await welcome(), /right here/);
            for (const broken of ['{{#OPEN}} never closed', '{{%AUTOESCAPE context="HTML"}}\n{{BROKEN', '']) {
                replace(broken);
                await reload();
                assert.match(stack.programs.gatehouse.text().split('\n').filter((line) => /templates_/.test(line)).at(-1), /templates_kept.*signin/, broken);
                assert.match(await welcome(), /right here/, broken);
            }
            unlinkSync(file);
            await reload();
            assert.match(await welcome(), /right here/);
            replace(original);
            await reload();
            assert.doesNotMatch(await welcome(), /right here/);
        } finally {
            await stack.stop();
            rmSync(folder, { recursive: true, force: true });
        }
    });

    it('more in flight than allowed: 503 with Retry-After at once, and pages still work', async () => {
        const { stack, ada, token } = await startConnected({ env: { GATEHOUSE_IN_FLIGHT_MAX: '10' } });
        try {
            await stack.fault({ match: EXECUTE, latency_ms: 1500 });
            const calls = Array.from({ length: 40 }, () => executeTool(stack, token));
            await inFlight(stack, 5);
            const started = Date.now();
            const page = await ada.request(`${stack.url}/`);
            assert.ok([200, 503].includes(page.status));
            assert.ok(Date.now() - started < 1000);
            const answers = await Promise.all(calls);
            const good = answers.filter((answer) => answer.status === 200).length;
            const busy = answers.filter((answer) => answer.status === 503);
            assert.equal(good + busy.length, 40, JSON.stringify(answers.map((answer) => answer.status)));
            assert.ok(good >= 5 && good <= 10, `${good} went through`);
            for (const answer of busy) {
                assert.equal(assertProblem(answer, 503, 'busy').source, 'gatehouse');
                assert.ok(Number(answer.headers.get('retry-after')) > 0);
            }
            assert.equal((await executed(stack)).length, good);
            await stack.clearFaults();
            assert.equal((await executeTool(stack, token)).status, 200);
        } finally {
            await stack.stop();
        }
    });

    it('1,000 slow calls in flight on a few threads and little memory', async () => {
        const { stack, token } = await startConnected({ env: { GATEHOUSE_USER_IN_FLIGHT_MAX: '0', GATEHOUSE_TOKEN_IN_FLIGHT_MAX: '0' } });
        const count = sanitized ? 200 : 1000; // a sanitizer is too slow to start more before the first ends
        try {
            const { pid } = stack.programs.gatehouse;
            await stack.fault({ match: EXECUTE, latency_ms: sanitized ? 4000 : 1000 });
            const calls = callMany(stack, token, count, fetchMails);
            await inFlight(stack, count * 0.9);
            const [threads, kilobytes] = [status(pid, 'Threads'), status(pid, 'VmRSS')];
            assert.deepEqual(await calls, { 200: count });
            assert.ok(threads <= (sanitized ? 9 : 8), `${threads} threads`);
            if (!sanitized) assert.ok(kilobytes < 64 * 1024, `${kilobytes} kB resident`);
            assert.equal((await executed(stack)).length, count);
        } finally {
            await stack.stop();
        }
    });

    it('a restart under load loses no request, and carries none out twice', async () => {
        const stack = await startStack({ withGatehouse: false });
        const log = path.join(stack.run, 'gatehouse.log');
        writeFileSync(log, '');
        const holder = spawn('python3', [path.join(source, 'tests/e2e/activate.py'), stack.settings.GATEHOUSE_SOCKET, stack.bin('gatehouse')],
            { env: stack.environment, stdio: ['ignore', 'pipe', 'pipe'] });
        let said = '';
        let errors = '';
        holder.stdout.on('data', (chunk) => { said += chunk; });
        holder.stderr.on('data', (chunk) => { errors += chunk; });
        const ended = new Promise((resolve) => holder.once('exit', resolve));
        const pids = () => [...said.matchAll(/^run (\d+)$/gm)].map(([, pid]) => Number(pid));
        try {
            await until('the portal answering', async () => (await fetch(`${stack.url}/healthz`)).ok);
            const ada = new Browser();
            await ada.signIn(stack);
            await connect(ada, stack, 'gmail');
            const token = stack.token();
            const answers = new Map();
            let running = true;
            let number = 0;
            const load = Array.from({ length: 4 }, async () => {
                while (running) {
                    const mark = `mark-${number++}`;
                    const answer = await executeTool(stack, token, { ...fetchMails, params: { query: mark } });
                    answers.set(mark, answer.status);
                    await new Promise((resolve) => setTimeout(resolve, 20));
                }
            });
            await until('some load', () => answers.size > 50);
            for (const round of [1, 2]) {
                process.kill(pids().at(-1), 'SIGTERM');
                await until('the next run', () => pids().length > round);
                const count = answers.size;
                await until('more answers', () => answers.size > count + 30);
            }
            running = false;
            await Promise.all(load);
            assert.deepEqual([...answers].filter(([, code]) => code !== 200), []);
            const sent = (await executed(stack)).map(({ body }) => JSON.parse(body).params.query);
            assert.equal(new Set(sent).size, sent.length, 'something was carried out twice');
            assert.deepEqual([...answers.keys()].filter((mark) => !sent.includes(mark)), []);
        } finally {
            holder.kill('SIGTERM');
            await ended;
            await stack.stop();
        }
        assert.equal(holder.exitCode, 0, errors.slice(-3000));
        assert.deepEqual(said.match(/^ended .*$/gm), ['ended 0', 'ended 0', 'ended 0']);
        assert.doesNotMatch(errors, /Sanitizer|runtime error/);
    });
});
