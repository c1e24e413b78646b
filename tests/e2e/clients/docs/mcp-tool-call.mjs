import { ScalekitClient } from '@scalekit-sdk/node';
import 'dotenv/config';

const scalekit = new ScalekitClient(
  process.env.SCALEKIT_ENV_URL,
  process.env.SCALEKIT_CLIENT_ID,
  process.env.SCALEKIT_CLIENT_SECRET
);

const connectionName = 'your-mcp-connection'; // connection name from Scalekit Dashboard
const identifier = 'user_123'; // your unique user identifier

const scoped = await scalekit.tools.listScopedTools(identifier, {
  filter: { connectionNames: [connectionName] },
  pageSize: 100,
});

const toolNames = scoped.tools?.map((st) => st.tool?.definition?.name) ?? [];
console.log('Available tools:', toolNames);

const actions = scalekit.actions;

const result = await actions.executeTool({
  toolName: 'tool_name_from_discovery', // replace with a name from list_scoped_tools
  connector: 'your-mcp-connection',
  identifier: 'user_123',
  toolInput: { key: 'value' }, // replace with the tool's required input
});
console.log(result);
