{{%AUTOESCAPE context="HTML"}}
<p class="back"><a href="{{BACK_URL}}"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#back"></use></svg>Access keys</a></p>
<article class="sheet">
<h1 class="sheet-title">Make an access key</h1>
{{#PROBLEM}}
<div class="notice notice-problem" role="alert">
<svg class="icon icon-problem" aria-hidden="true"><use href="/static/icons.svg#alert"></use></svg>
<p>No access key was made. {{PROBLEM_TEXT}}</p>
</div>
{{/PROBLEM}}
<form class="form" method="post" action="{{ACTION_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
<div class="field">
<label for="label">Name</label>
<p class="hint" id="label-hint">Say where it is used, such as “Laptop” or “Weekly report”. You will see this name beside what was done with it.</p>
<input id="label" name="label" type="text" maxlength="100" required autocomplete="off" aria-describedby="label-hint" value="{{LABEL}}">
</div>
<fieldset class="field">
<legend>What may it do?</legend>
<label class="choice"><input type="radio" name="may" value="see"{{#MAY_SEE}} checked{{/MAY_SEE}}><span><strong>Only look</strong><br>See your connectors and which tools they have. It can change nothing.</span></label>
<label class="choice"><input type="radio" name="may" value="run"{{#MAY_RUN}} checked{{/MAY_RUN}}><span><strong>See and run tools</strong><br>Read and change things in your name, as far as you allow below.</span></label>
<label class="choice"><input type="radio" name="may" value="end"{{#MAY_END}} checked{{/MAY_END}}><span><strong>See, run tools and disconnect</strong><br>Also disconnect or remove connectors. Connecting one again always takes you.</span></label>
</fieldset>
<fieldset class="field reach">
<legend>With which connectors?</legend>
<label class="choice"><input type="radio" name="reach" value="chosen"{{#REACH_CHOSEN}} checked{{/REACH_CHOSEN}}><span><strong>Only those I choose</strong></span></label>
<div class="choices">
{{#MANY}}<p class="hint">Choose up to {{MOST}}.</p>{{/MANY}}
{{#MINE}}<label class="choice"><input type="checkbox" name="connection" value="{{CONNECTION}}"{{#CHECKED}} checked{{/CHECKED}}><span>{{NAME}}</span></label>
{{/MINE}}
{{#OTHERS}}
<details{{#OTHERS_OPEN}} open{{/OTHERS_OPEN}}>
<summary>Connectors you have not connected yet <span class="count">{{COUNT}}</span></summary>
{{#OTHER}}<label class="choice"><input type="checkbox" name="connection" value="{{CONNECTION}}"{{#CHECKED}} checked{{/CHECKED}}><span>{{NAME}}</span></label>
{{/OTHER}}
</details>
{{/OTHERS}}
</div>
<label class="choice"><input type="radio" name="reach" value="all"{{#REACH_ALL}} checked{{/REACH_ALL}}><span><strong>All of them</strong><br>Also those you connect later.</span></label>
</fieldset>
<details class="field"{{#TOOLS_OPEN}} open{{/TOOLS_OPEN}}>
<summary>Limit it to certain tools</summary>
<label for="tools">Names of tools, with spaces between</label>
<p class="hint" id="tools-hint">A <code>*</code> stands for anything, and a <code>!</code> in front forbids: <code>gmail_* !gmail_send_*</code> allows every Gmail tool but those that send. Left empty, all tools are allowed.</p>
<input id="tools" name="tools" type="text" maxlength="2000" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="tools-hint" value="{{TOOLS}}">
</details>
<details class="field"{{#DIRECT_OPEN}} open{{/DIRECT_OPEN}}>
<summary>Let it call the apps directly</summary>
<fieldset class="field">
<legend>May it go beyond the tools?</legend>
<p class="hint">Some programs need more of an app than its tools offer. A limit to certain tools does not hold for such calls; the choice of connectors does.</p>
<label class="choice"><input type="radio" name="direct" value="no"{{#DIRECT_NO}} checked{{/DIRECT_NO}}><span><strong>No</strong></span></label>
<label class="choice"><input type="radio" name="direct" value="read"{{#DIRECT_READ}} checked{{/DIRECT_READ}}><span><strong>Only to read</strong><br>Anything in the app that you have allowed this portal to read.</span></label>
<label class="choice"><input type="radio" name="direct" value="write"{{#DIRECT_WRITE}} checked{{/DIRECT_WRITE}}><span><strong>To read and to change</strong><br>Anything in the app that you have allowed this portal to do.</span></label>
</fieldset>
</details>
<fieldset class="field">
<legend>For how long?</legend>
<div class="choice-row">
<label class="choice"><input type="radio" name="days" value="30"{{#DAYS_30}} checked{{/DAYS_30}}><span>30 days</span></label>
<label class="choice"><input type="radio" name="days" value="90"{{#DAYS_90}} checked{{/DAYS_90}}><span>90 days</span></label>
<label class="choice"><input type="radio" name="days" value="365"{{#DAYS_365}} checked{{/DAYS_365}}><span>A year</span></label>
<label class="choice"><input type="radio" name="days" value="never"{{#DAYS_NEVER}} checked{{/DAYS_NEVER}}><span>Until I revoke it</span></label>
</div>
</fieldset>
<div class="sheet-actions">
<button class="button button-primary" type="submit">Make access key</button>
<a class="button button-quiet" href="{{BACK_URL}}">Cancel</a>
</div>
</form>
</article>
