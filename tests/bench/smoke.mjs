// The rounds behind tests/bench/smoke.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Browser, startStack } from '../e2e/harness.mjs';

const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 5);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const stack = await startStack({ connections: 60, env: { GATEHOUSE_LOG_LEVEL: 'warn', GATEHOUSE_USER_IN_FLIGHT_MAX: '0', GATEHOUSE_USER_CALLS_PER_MINUTE: '0' } });
const status = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${stack.programs.gatehouse.pid}/status`, 'utf8'))[1]);
try {
    const browser = new Browser();
    const page = await browser.signIn(stack, 'ada');
    if (page.status !== 200) throw new Error(`signing in ended with ${page.status}`);
    await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: 'ada@example.com', status: 'ACTIVE' });
    const cookie = [...browser.jar(stack.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const token = stack.token();

    const script = path.join(stack.run, 'call.lua');
    writeFileSync(script, `wrk.method = "POST"
wrk.body = '{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"max_results":1}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer ${token}"
wrk.headers["Gatehouse-User"] = "ada@example.com"
`);
    const runWrk = (connections, url, ...more) => {
        const text = execFileSync('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '20s', ...more, url], { encoding: 'utf8' });
        const unit = { us: 0.001, ms: 1, s: 1000 };
        const latency = (which) => {
            const match = new RegExp(`${which}%\\s+([\\d.]+)(us|ms|s)`).exec(text);
            return Number(match[1]) * unit[match[2]];
        };
        return {
            rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), p50: latency(50), p99: latency(99),
            errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) +
                (/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1).reduce((sum, n) => sum + Number(n), 0) ?? 0),
            rss: status('VmRSS') / 1024,
        };
    };
    const jobs = [
        ['nginx static file', () => runWrk(64, `${stack.url}/static/portal.css`)],
        ['connectors page, 60 connections', () => runWrk(64, `${stack.url}/`, '-H', `Cookie: ${cookie}`)],
        ['execute_tool, upstream 0 ms, 64 at a time', () => runWrk(64, `${stack.url}/api/v1/execute_tool`, '-s', script)],
        ['execute_tool, upstream 100 ms, 1,000 in flight', async () => {
            await stack.fault({ match: '/api/v1/execute_tool', times: -1, latency_ms: 100 });
            const result = runWrk(1000, `${stack.url}/api/v1/execute_tool`, '-s', script);
            await stack.clearFaults();
            return result;
        }],
    ];
    const results = new Map(jobs.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
        for (const [name, job] of jobs) {
            results.get(name).push(await job());
            await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
        }
    }
    const first = results.get(jobs[0][0]).map((result) => result.rate);
    console.log(`${'median of ' + rounds + ' rounds of ' + seconds + ' s'.padEnd(8)}`.padEnd(48), 'req/s'.padStart(8), 'ratio'.padStart(7), 'p50 ms'.padStart(8), 'p99 ms'.padStart(8), 'errors'.padStart(7), 'MB'.padStart(6));
    let errors = 0;
    for (const [name, list] of results) {
        const of = (key) => median(list.map((result) => result[key]));
        const ratio = median(list.map((result, index) => result.rate / first[index]));
        errors += list.reduce((sum, result) => sum + result.errors, 0);
        console.log(name.padEnd(48), of('rate').toFixed(0).padStart(8), ratio.toFixed(3).padStart(7), of('p50').toFixed(2).padStart(8),
            of('p99').toFixed(1).padStart(8), String(list.reduce((sum, result) => sum + result.errors, 0)).padStart(7), of('rss').toFixed(1).padStart(6));
    }
    console.log(`threads of gatehouse: ${status('Threads')}`);
    process.exitCode = errors === 0 ? 0 : 1;
} finally {
    await stack.stop();
}
