// What a tool call costs through gRPC beside the JSON endpoint: the same call, the same client, and the same HTTP/2 connections
// with TLS, in alternated rounds. Fails when the median of the rounds' ratios is beyond 1.3.
import http2 from 'node:http2';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { Browser, source, startStack } from '../e2e/harness.mjs';
import { ADA, connect } from '../e2e/steps.mjs';

const require = createRequire(import.meta.url);
const { ExecuteToolRequestSchema } = require('@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/tools/tools_pb.js');
const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 3);
const LIMIT = 1.3;
const CONNECTIONS = 4;
const IN_FLIGHT = 64;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const stack = await startStack({
    env: { GATEHOUSE_LOG_LEVEL: 'warn', GATEHOUSE_USER_IN_FLIGHT_MAX: '0', GATEHOUSE_TOKEN_IN_FLIGHT_MAX: '0', GATEHOUSE_USER_CALLS_PER_MINUTE: '0' },
});

// Clock ticks that Gatehouse and nginx with its workers have used.
function readTicks() {
    const parents = [stack.programs.gatehouse.pid, stack.programs.nginx.pid];
    let ticks = 0;
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
        try {
            const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ');
            if (parents.includes(Number(name)) || parents.includes(Number(fields[1]))) ticks += Number(fields[11]) + Number(fields[12]);
        } catch {
            continue; // it has ended
        }
    }
    return ticks;
}

function makeCalls(token) {
    const params = { max_results: 5, query: 'is:unread newer_than:7d', label_ids: ['INBOX', 'IMPORTANT'] };
    const order = { toolName: 'gmail_fetch_mails', connector: 'gmail', identifier: ADA, params };
    const message = Buffer.from(toBinary(ExecuteToolRequestSchema, create(ExecuteToolRequestSchema, order)));
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    const common = { ':method': 'POST', authorization: `Bearer ${token}` };
    return {
        json: {
            headers: { ...common, ':path': '/api/v1/execute_tool', 'content-type': 'application/json' },
            body: JSON.stringify({ tool_name: order.toolName, connector: order.connector, identifier: ADA, params }),
            isWell: (headers) => headers[':status'] === 200,
        },
        grpc: {
            headers: { ...common, ':path': '/scalekit.v1.tools.ToolService/ExecuteTool', 'content-type': 'application/grpc+proto', te: 'trailers' },
            body: Buffer.concat([prefix, message]),
            isWell: (headers, trailers) => trailers?.['grpc-status'] === '0',
        },
    };
}

function send(session, { headers, body, isWell }) {
    return new Promise((resolve, reject) => {
        const begun = performance.now();
        const stream = session.request(headers);
        let answered;
        let trailers;
        stream.on('response', (given) => { answered = given; });
        stream.on('trailers', (given) => { trailers = given; });
        stream.on('error', reject);
        stream.on('close', () => resolve({ ms: performance.now() - begun, isWell: isWell(answered ?? {}, trailers) }));
        stream.resume();
        stream.end(body);
    });
}

async function runRound(sessions, call) {
    const end = performance.now() + seconds * 1000;
    const times = [];
    let errors = 0;
    const ticks = readTicks();
    const begun = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, i) => {
        while (performance.now() < end) {
            const { ms, isWell } = await send(sessions[i % CONNECTIONS], call);
            times.push(ms);
            errors += isWell ? 0 : 1;
        }
    }));
    const elapsed = performance.now() - begun;
    return { rate: times.length / elapsed * 1000, p50: median(times), cpu: (readTicks() - ticks) * 10000 / times.length, errors };
}

try {
    const ada = new Browser();
    await ada.signIn(stack);
    await connect(ada, stack, 'gmail');
    const calls = makeCalls(stack.token());
    const sessions = Array.from({ length: CONNECTIONS }, () => http2.connect(stack.secureUrl, { ca: readFileSync(stack.certificate) }));
    const results = { json: [], grpc: [] };
    for (const name of ['json', 'grpc']) await runRound(sessions, calls[name]); // to warm up
    for (let round = 0; round < rounds; round++) {
        for (const name of round % 2 ? ['grpc', 'json'] : ['json', 'grpc']) {
            results[name].push(await runRound(sessions, calls[name]));
            await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
        }
    }
    for (const session of sessions) session.close();
    const table = Object.fromEntries(Object.entries(results).map(([name, list]) => {
        const of = (key) => median(list.map((result) => result[key]));
        return [name, { rate: of('rate'), p50: of('p50'), cpu: of('cpu'), errors: list.reduce((sum, { errors }) => sum + errors, 0) }];
    }));
    const ratio = median(results.grpc.map((result, i) => results.json[i].rate / result.rate));
    const cpuRatio = median(results.grpc.map((result, i) => result.cpu / results.json[i].cpu));
    const cells = (name, ...rest) => console.log(name.padEnd(44), ...rest.map((cell) => String(cell).padStart(9)));
    cells(`execute_tool over HTTP/2 with TLS, ${IN_FLIGHT} in flight`, 'calls/s', 'p50 ms', 'CPU us', 'errors');
    for (const [name, row] of Object.entries(table)) cells(name, row.rate.toFixed(0), row.p50.toFixed(2), row.cpu.toFixed(0), row.errors);
    console.log(`gRPC takes ${ratio.toFixed(2)} times as long as JSON, and ${cpuRatio.toFixed(2)} times the CPU of nginx and Gatehouse; at most ${LIMIT} is allowed`);
    const artifacts = path.join(source, 'tests/artifacts');
    mkdirSync(artifacts, { recursive: true });
    writeFileSync(path.join(artifacts, 'bench-grpc.json'), `${JSON.stringify({ rounds, seconds, ratio, cpuRatio, table }, null, 4)}\n`);
    process.exitCode = ratio <= LIMIT && cpuRatio <= LIMIT && table.json.errors + table.grpc.errors === 0 ? 0 : 1;
} finally {
    await stack.stop();
}
