// gRPC on the wire: frames that nobody's SDK would send, what nginx itself answers, deadlines, limits to the byte, and a client
// that has nothing in common with the official SDK.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Browser, startStack, until } from './harness.mjs';
import { ADA, connect, executeTool } from './steps.mjs';

const require = createRequire(import.meta.url);
const grpc = require('@grpc/grpc-js');
const load = (name) => require(`@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/${name}_pb.js`);
const { ExecuteToolRequestSchema, ExecuteToolResponseSchema, ToolService } = load('tools/tools');
const EXECUTE = '/scalekit.v1.tools.ToolService/ExecuteTool';
const MESSAGE_MAX = 1024 * 1024;
const OK = 0, UNKNOWN = 2, INVALID_ARGUMENT = 3, DEADLINE_EXCEEDED = 4, RESOURCE_EXHAUSTED = 8, UNIMPLEMENTED = 12, UNAUTHENTICATED = 16;

const frame = (message, flag = 0, length = message.length) => {
    const prefix = Buffer.alloc(5);
    prefix[0] = flag;
    prefix.writeUInt32BE(length, 1);
    return Buffer.concat([prefix, message]);
};
const order = (changes = {}) => Buffer.from(toBinary(ExecuteToolRequestSchema, create(ExecuteToolRequestSchema, {
    toolName: 'gmail_fetch_mails', connector: 'gmail', identifier: ADA, params: {}, ...changes,
})));
// A field of bytes by its number, as protobuf writes it: what stands in front of them, and with them.
const head = (number, length) => {
    const varint = [];
    let rest = length;
    for (; rest > 127; rest = Math.floor(rest / 128)) varint.push((rest % 128) | 128);
    return Buffer.from([number << 3 | 2, ...varint, rest]);
};
const field = (number, bytes) => Buffer.concat([head(number, bytes.length), bytes]);

describe('gRPC on the wire', () => {
    let stack;
    let token;
    let session;
    before(async () => {
        stack = await startStack({ env: { GATEHOUSE_USER_IN_FLIGHT_MAX: '0' } });
        token = stack.token();
        const ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        session = http2.connect(stack.secureUrl, { ca: readFileSync(stack.certificate) });
    });
    after(async () => {
        session?.close();
        await stack?.stop();
    });

    // One call: { status, headers, trailers, code, message, body }. `code` as a client finds it, in trailers or, without a body, in headers.
    const send = (body, { path = EXECUTE, headers = {}, over = session } = {}) => new Promise((resolve) => {
        const stream = over.request({
            ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer ${token}`, ...headers,
        });
        const answer = { trailers: {}, chunks: [] };
        stream.on('response', (given) => { answer.headers = given; });
        stream.on('trailers', (given) => { answer.trailers = given; });
        stream.on('data', (chunk) => answer.chunks.push(chunk));
        stream.on('error', (error) => { answer.error = error; });
        stream.on('close', () => {
            const { headers: given = {}, trailers } = answer;
            resolve({
                ...answer, status: given[':status'], code: Number(trailers['grpc-status'] ?? given['grpc-status']),
                message: decodeURIComponent(trailers['grpc-message'] ?? given['grpc-message'] ?? ''), body: Buffer.concat(answer.chunks),
            });
        });
        stream.end(body);
    });
    const read = (answer) => {
        assert.equal(answer.code, OK, answer.message);
        assert.equal(answer.body.readUInt32BE(1), answer.body.length - 5);
        return fromBinary(ExecuteToolResponseSchema, answer.body.subarray(5));
    };

    it('the status is a trailer, and nothing of ours shows', async () => {
        for (const answer of [await send(frame(order())), await send(frame(order({ connector: 'slack' }))), await send(frame(order()), { headers: { authorization: '' } })]) {
            assert.equal(answer.status, 200);
            assert.equal(answer.headers['content-type'], 'application/grpc');
            assert.match(answer.trailers['grpc-status'], /^\d+$/);
            assert.match(answer.headers['x-request-id'], /^[0-9a-f]{32}$/);
            for (const name of [...Object.keys(answer.headers), ...Object.keys(answer.trailers)]) assert.doesNotMatch(name, /x-grpc/i);
        }
        // Nor over HTTP/1.1, nor where somebody asks for it by name.
        const plain = await fetch(`${stack.url}${EXECUTE}`, { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: frame(order()) });
        assert.deepEqual([...plain.headers.keys()].filter((name) => /x-grpc/i.test(name)), []);
    });

    it('logs say of a call what HTTP would have', async () => {
        const failed = await send(frame(order({ connector: 'slack' })));
        const find = () => stack.requests().find((line) => line.request_id === failed.headers['x-request-id']);
        await until('the line in the log', () => find() !== undefined);
        assert.equal(find().status, '409');
        assert.equal(find().error, 'needs_authorization');
        assert.equal(find().route, EXECUTE);
    });

    it('hostile frames are refused, each with a sentence, and the connection goes on', async () => {
        const good = order();
        for (const [what, body, code] of [
            ['nothing', Buffer.alloc(0), INVALID_ARGUMENT],
            ['half a prefix', Buffer.from([0, 0, 0]), INVALID_ARGUMENT],
            ['a length beyond the body', frame(good, 0, good.length + 1), INVALID_ARGUMENT],
            ['a length short of the body', frame(good, 0, good.length - 1), INVALID_ARGUMENT],
            ['four gigabytes, by its length', frame(good, 0, 0xffffffff), INVALID_ARGUMENT],
            ['compressed', frame(good, 1), UNIMPLEMENTED],
            ['a flag that there is not', frame(good, 2), INVALID_ARGUMENT],
            ['two messages', Buffer.concat([frame(good), frame(good)]), INVALID_ARGUMENT],
            ['a truncated message', frame(good.subarray(0, -1)), INVALID_ARGUMENT],
            ['no protobuf', frame(Buffer.from('{"tool_name":"x"}')), INVALID_ARGUMENT],
            ['a group', frame(Buffer.concat([good, Buffer.from([0x0b, 0x0c])])), INVALID_ARGUMENT],
            ['a name not in UTF-8', frame(Buffer.concat([good, field(2, Buffer.from([0xff]))])), INVALID_ARGUMENT],
            ['a name with NUL', frame(Buffer.concat([good, field(2, Buffer.from(`${ADA}\0`))])), INVALID_ARGUMENT],
            ['ten thousand fields', frame(Buffer.concat(Array.from({ length: 10000 }, () => field(15, Buffer.alloc(0))))), INVALID_ARGUMENT],
            ['a Struct that is none', frame(Buffer.concat([good, field(3, Buffer.from([0x0a, 0x7f]))])), INVALID_ARGUMENT],
            ['a name twice in a Struct', frame(Buffer.concat([good, field(3, Buffer.concat([1, 2].map(() => field(1, Buffer.concat([field(1, Buffer.from('a')), field(2, Buffer.from([0x20, 1]))])))))])), INVALID_ARGUMENT],
        ]) {
            const answer = await send(body);
            assert.equal(answer.code, code, `${what}: ${answer.code} ${answer.message}`);
            assert.ok(answer.message.length > 10, what);
            assert.equal(answer.body.length, 0, what);
        }
        read(await send(frame(good)));
    });

    it('a Struct is as deep as JSON may be, and no bomb', async () => {
        const nest = (depth) => {
            let value = 1;
            for (let i = 1; i < depth; i += 1) value = [value];
            return { deep: value };
        };
        read(await send(frame(order({ params: nest(31) }))));
        const answer = await send(frame(order({ params: nest(32) })));
        assert.equal(answer.code, INVALID_ARGUMENT);
        assert.match(answer.message, /deep/);
        const heads = []; // from the inside out: a value in a list in a value …
        let length = 2;
        while (length < 500000 || heads.length % 2) {
            heads.push(head(heads.length % 2 ? 6 : 1, length));
            length += heads.at(-1).length;
        }
        const bomb = Buffer.concat([...heads.reverse(), Buffer.from([0x20, 1])]);
        const entry = field(1, Buffer.concat([field(1, Buffer.from('a')), field(2, bomb)]));
        const refused = await send(frame(Buffer.concat([order(), field(3, entry)])));
        assert.equal(refused.code, INVALID_ARGUMENT);
        assert.match(refused.message, /deep/);
    });

    it('a message may have as much as a JSON body, to the byte', async () => {
        // Filled up with a field that nobody knows.
        const fill = (size) => {
            const message = order();
            return Buffer.concat([message, field(15, Buffer.alloc(size - message.length - 4))]);
        };
        assert.equal(fill(MESSAGE_MAX).length, MESSAGE_MAX);
        read(await send(frame(fill(MESSAGE_MAX))));
        const query = 'é'.repeat(MESSAGE_MAX / 2 - 1000);
        assert.equal(read(await send(frame(order({ params: { query } })))).data.echo.query, query);
        for (const message of [fill(MESSAGE_MAX + 1), Buffer.alloc(3 * MESSAGE_MAX)]) {
            const answer = await send(frame(message));
            assert.equal(answer.code, RESOURCE_EXHAUSTED, answer.message);
            assert.match(answer.message, /too large|longer/);
        }
        // All other calls are small.
        assert.equal((await send(frame(Buffer.alloc(17 * 1024)), { path: '/scalekit.v1.tools.ToolService/ListTools' })).code, RESOURCE_EXHAUSTED);
        read(await send(frame(order())));
    });

    it('a deadline is kept, whether or not the client waits', async () => {
        await stack.fault({ match: '/api/v1/execute_tool', latency_ms: 20000, times: 1 });
        const begun = Date.now();
        const answer = await send(frame(order()), { headers: { 'grpc-timeout': '700m' } });
        await stack.clearFaults();
        assert.equal(answer.code, DEADLINE_EXCEEDED, answer.message);
        assert.ok(Date.now() - begun < 15000);
        const info = Buffer.from(answer.trailers['grpc-status-details-bin'], 'base64').toString('latin1');
        assert.match(info, /GATEHOUSE_OUTCOME_UNKNOWN/);
        await until('the call on record', () => stack.sql("SELECT 1 FROM tool_call WHERE outcome = 'outcome_unknown'").length === 1);
        assert.equal((await send(frame(order()), { headers: { 'grpc-timeout': 'soon' } })).code, INVALID_ARGUMENT);
    });

    it('cancelled calls leave the others alone', async () => {
        await stack.fault({ match: '/api/v1/execute_tool', latency_ms: 500 });
        const calls = Array.from({ length: 20 }, (_, i) => {
            const stream = session.request({
                ':method': 'POST', ':path': EXECUTE, 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer ${token}`,
            });
            const outcome = new Promise((resolve) => {
                let code;
                stream.on('trailers', (trailers) => { code = Number(trailers['grpc-status']); });
                stream.on('error', () => {});
                stream.on('close', () => resolve(code));
            });
            stream.resume();
            stream.end(frame(order()));
            if (i % 2) setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), 100);
            return outcome;
        });
        const codes = await Promise.all(calls);
        await stack.clearFaults();
        assert.deepEqual(codes.filter((_, i) => i % 2 === 0), Array(10).fill(OK));
        read(await send(frame(order())));
    });

    it('numbers are doubles here, and exact in JSON', async () => {
        const big = Number.MAX_SAFE_INTEGER;
        assert.equal(read(await send(frame(order({ params: { max_results: 1, n: big } })))).data.echo.n, big);
        const body = '{"tool_name":"gmail_fetch_mails","connector":"gmail","params":{"n":9007199254740993}}';
        assert.match((await executeTool(stack, token, body)).text, /"n":\s*9007199254740993/);
    });

    it('another client, from Google', async () => {
        const method = ToolService.methods.find(({ name }) => name === 'ExecuteTool');
        const Client = grpc.makeGenericClientConstructor({
            executeTool: {
                path: `/${ToolService.typeName}/${method.name}`, requestStream: false, responseStream: false,
                requestSerialize: (value) => Buffer.from(toBinary(method.input, create(method.input, value))),
                requestDeserialize: (bytes) => fromBinary(method.input, bytes),
                responseSerialize: (value) => Buffer.from(toBinary(method.output, value)),
                responseDeserialize: (bytes) => fromBinary(method.output, bytes),
            },
        }, 'ToolService');
        const client = new Client(new URL(stack.secureUrl).host, grpc.credentials.createSsl(readFileSync(stack.certificate)));
        const metadata = new grpc.Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        const call = (value, options = {}) => new Promise((resolve) => {
            client.executeTool(value, metadata, options, (error, output) => resolve({ error, output }));
        });
        const wish = { toolName: 'gmail_fetch_mails', connector: 'gmail', identifier: ADA, params: { max_results: 2 } };
        const { output } = await call(wish);
        assert.equal(output.data.count, 2);
        const { error } = await call({ ...wish, toolName: 'slack_send_message', connector: 'slack' });
        assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
        assert.ok(error.details.includes(`${stack.url}/connect/slack`), error.details);
        assert.ok(error.metadata.get('grpc-status-details-bin')[0].length > 0);
        await stack.fault({ match: '/api/v1/execute_tool', latency_ms: 5000, times: 1 });
        assert.equal((await call(wish, { deadline: Date.now() + 500 })).error.code, grpc.status.DEADLINE_EXCEEDED);
        await stack.clearFaults();
        client.close();
    });

    it('who does not speak gRPC is told so', async () => {
        const answer = await fetch(`${stack.url}${EXECUTE}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: '{}' });
        assert.equal(answer.status, 415);
        assert.equal((await fetch(`${stack.url}${EXECUTE}`, { headers: { authorization: `Bearer ${token}` } })).status, 405);
        assert.equal((await send(frame(order()), { headers: { authorization: 'Bearer nothing' } })).code, UNAUTHENTICATED);
        assert.equal((await send(frame(order()), { path: '/scalekit.v1.tools.ToolService/DeleteTool' })).code, UNIMPLEMENTED);
    });

    it('without Gatehouse nginx speaks gRPC too, and a tool call is not one to repeat', async () => {
        await stack.programs.gatehouse.stop();
        const lost = await send(frame(order()));
        assert.equal(lost.status, 200);
        assert.equal(lost.code, UNKNOWN);
        assert.equal((await send(frame(Buffer.alloc(0)), { path: '/scalekit.v1.tools.ToolService/ListTools' })).code, 14); // UNAVAILABLE
        await stack.startGatehouse();
        await until('Gatehouse answering again', async () => (await send(frame(order()))).code === OK);
    });
});
