{{%AUTOESCAPE context="HTML"}}
<article class="sheet sheet-plain">
<svg class="icon icon-large" aria-hidden="true"><use href="/static/icons.svg#check"></use></svg>
<h1>You are signed out</h1>
<p>What you have connected stays connected. On a shared computer, close the browser as well.</p>
<div class="sheet-actions">
<a class="button button-primary" href="{{SIGNIN_URL}}">Sign in again</a>
</div>
</article>
