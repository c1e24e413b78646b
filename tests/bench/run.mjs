// The rounds behind tests/bench/run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Browser, source, startStack } from '../e2e/harness.mjs';
import { startDirect } from './direct.mjs';

const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 5);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const stack = await startStack({
    connections: 60,
    env: {
        GATEHOUSE_LOG_LEVEL: 'warn', GATEHOUSE_USER_IN_FLIGHT_MAX: '0', GATEHOUSE_TOKEN_IN_FLIGHT_MAX: '0', GATEHOUSE_USER_CALLS_PER_MINUTE: '0',
        GATEHOUSE_IN_FLIGHT_MAX: '5000', GATEHOUSE_UPSTREAM_CONNECTIONS_MAX: '4096',
    },
});
const status = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${stack.programs.gatehouse.pid}/status`, 'utf8'))[1]);
const milliseconds = (text) => {
    const match = /([\d.]+)(us|ms|s)/.exec(text);
    if (!match) throw new Error(`wrk measured nothing: ${text}`);
    return Number(match[1]) * { us: 0.001, ms: 1, s: 1000 }[match[2]];
};

function runWrk(connections, url, ...more) {
    const text = execFileSync('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '20s', ...more, url], { encoding: 'utf8' });
    const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
    return {
        rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
        p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(text)[1]), p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(text)[1]),
        errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) + socketErrors.reduce((sum, n) => sum + Number(n), 0),
        mb: status('VmRSS') / 1024,
    };
}

// A POST of the same call, as a script for wrk.
function writeCall(name, body, headers) {
    const file = path.join(stack.run, name);
    const lines = Object.entries({ 'Content-Type': 'application/json', ...headers }).map(([key, value]) => `wrk.headers["${key}"] = "${value}"`);
    writeFileSync(file, `wrk.method = "POST"\nwrk.body = '${JSON.stringify(body)}'\n${lines.join('\n')}\n`);
    return file;
}

async function withUpstreamAt(latency_ms, job) {
    if (latency_ms) await stack.fault({ match: '/api/v1/execute_tool', times: -1, latency_ms });
    const result = job();
    await stack.clearFaults();
    return result;
}

function print(results) {
    const first = results.values().next().value;
    const cells = (name, ...rest) => console.log(name.padEnd(56), ...rest.map((cell) => String(cell).padStart(8)));
    cells(`medians of ${rounds} rounds of ${seconds} s`, 'req/s', 'ratio', 'p50 ms', 'p99 ms', 'errors', 'MB');
    const table = [];
    for (const [name, list] of results) {
        const of = (key) => median(list.map((result) => result[key]));
        const row = {
            name, rate: of('rate'), ratio: median(list.map((result, index) => result.rate / first[index].rate)), p50: of('p50'), p99: of('p99'),
            errors: list.reduce((sum, result) => sum + result.errors, 0), mb: of('mb'),
        };
        table.push(row);
        cells(name, row.rate.toFixed(0), row.ratio.toFixed(3), row.p50.toFixed(2), row.p99.toFixed(1), row.errors, row.mb.toFixed(1));
    }
    return table;
}

let direct;
try {
    direct = await startDirect(stack);
    const browser = new Browser();
    const page = await browser.signIn(stack, 'ada');
    if (page.status !== 200) throw new Error(`signing in ended with ${page.status}`);
    await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: 'ada@example.com', status: 'ACTIVE' });
    const cookie = [...browser.jar(stack.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const order = { tool_name: 'gmail_fetch_mails', connector: 'gmail', params: { max_results: 1 } };
    const ours = writeCall('ours.lua', order, { Authorization: `Bearer ${stack.token()}`, 'Gatehouse-User': 'ada@example.com' });
    const theirs = writeCall('theirs.lua', { ...order, identifier: 'ada@example.com' }, { Authorization: `Bearer ${direct.token}` });
    const call = (connections) => runWrk(connections, `${stack.url}/api/v1/execute_tool`, '-s', ours);
    const callDirectly = (connections) => runWrk(connections, `${direct.url}/api/v1/execute_tool`, '-s', theirs);
    const jobs = [
        ['nginx, static file', () => runWrk(64, `${stack.url}/static/portal.css`)],
        ['connectors page, 60 connections', () => runWrk(64, `${stack.url}/`, '-H', `Cookie: ${cookie}`)],
        ['nginx to Scalekit, 0 ms, 64 in flight', () => callDirectly(64)],
        ['execute_tool, 0 ms, 64 in flight', () => call(64)],
        ['nginx to Scalekit, 100 ms, 200 in flight', () => withUpstreamAt(100, () => callDirectly(200))],
        ['execute_tool, 100 ms, 200 in flight', () => withUpstreamAt(100, () => call(200))],
        ['execute_tool, 100 ms, 1,000 in flight', () => withUpstreamAt(100, () => call(1000))],
        ['execute_tool, 100 ms, 4,000 in flight', () => withUpstreamAt(100, () => call(4000))],
    ];
    const results = new Map(jobs.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
        for (const [name, job] of jobs) {
            results.get(name).push(await job());
            await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
            // What is still in flight when wrk has gone must not count as the next job's.
            await new Promise((resolve) => { setTimeout(resolve, 2000); });
        }
    }
    const table = print(results);
    const threads = status('Threads');
    console.log(`threads of gatehouse: ${threads}`);
    const artifacts = path.join(source, 'tests/artifacts');
    mkdirSync(artifacts, { recursive: true });
    writeFileSync(path.join(artifacts, 'bench.json'), `${JSON.stringify({ rounds, seconds, threads, table }, null, 4)}\n`);
    process.exitCode = table.every((row) => row.errors === 0) ? 0 : 1;
} finally {
    await direct?.stop();
    await stack.stop();
}
