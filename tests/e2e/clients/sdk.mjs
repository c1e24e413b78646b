// The official SDK in a process of its own, since a certificate's authority is taken from NODE_EXTRA_CA_CERTS at start. Reads
// one order per line, {id, call, args, options}, and writes one line for each outcome, {id, result} or {id, error}.
//
//   call   "actions.executeTool", or "raw:ToolService.createTool" for what the SDK has no method for
//   burst  so many of them at a time
//   retries, timeoutMs, abortAfterMs, accessToken   for raw calls
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const http2 = require('node:http2');
let connections = 0;
const connect = http2.connect;
http2.connect = (...args) => {
    connections += 1;
    return connect(...args);
};
const { ScalekitClient } = require('@scalekit-sdk/node');
const load = (name) => require(`@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/${name}_pb.js`);
const services = Object.fromEntries(['tools/tools', 'connected_accounts/connected_accounts', 'connections/connections']
    .flatMap((name) => Object.values(load(name))).filter((value) => value?.kind === 'service').map((service) => [service.name, service]));

const { SCALEKIT_ENV_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET } = process.env;
const client = new ScalekitClient(SCALEKIT_ENV_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET);
const core = client.coreClient;
const plain = (value) => JSON.parse(JSON.stringify(value ?? null, (key, part) => {
    if (key === '$typeName' || key === '$unknown') return undefined;
    return typeof part === 'bigint' ? String(part) : part;
}));
const describe = (error) => ({
    name: error.name, className: error.constructor.name, message: error.message, grpcStatus: error.grpcStatus, httpStatus: error.httpStatus,
    errorCode: error.errorCode, isToolError: error.isToolError, toolErrorCode: error.toolErrorCode, toolErrorMessage: error.toolErrorMessage,
    executionId: error.executionId, details: plain(error.unpackedDetails), code: error.code, status: error.response?.status,
});

async function run({ call, args = [], options = {} }) {
    if (!call.startsWith('raw:')) {
        const [group, method] = call.split('.');
        const answer = await client[group][method](...args);
        return answer?.request && answer.config ? { status: answer.status, data: answer.data } : answer; // of axios
    }
    const [service, method] = call.slice(4).split('.');
    const raw = client.grpcConnect.createClient(services[service]);
    if (options.accessToken !== undefined) core.accessToken = options.accessToken;
    const { retries = 3, timeoutMs, abortAfterMs, headers } = options;
    const signal = abortAfterMs === undefined ? undefined : AbortSignal.timeout(abortAfterMs);
    return core._connectExec(raw[method], args[0] ?? {}, retries, 0, { timeoutMs, signal, headers });
}

createInterface({ input: process.stdin }).on('line', async (line) => {
    const order = JSON.parse(line);
    const begun = performance.now();
    let outcome;
    try {
        const result = order.burst
            ? await Promise.all(Array.from({ length: order.burst }, () => run(order)))
            : await run(order);
        outcome = { result: plain(result) };
    } catch (error) {
        outcome = { error: describe(error) };
    }
    process.stdout.write(`${JSON.stringify({ id: order.id, ms: performance.now() - begun, connections, ...outcome })}\n`);
});
